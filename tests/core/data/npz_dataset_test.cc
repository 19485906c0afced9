#include "core/data/npz_dataset.h"

#include <algorithm>
#include <set>

#include "absl/status/status_matchers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "core/base/error_reason.h"
#include "core/base/file.h"
#include "core/base/parallel.h"
#include "core/base/status_macros.h"
#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "tests/core/data/zip_bytes.h"
#include "tests/testing/fixtures.h"

namespace octavo {
namespace {

using ::absl_testing::IsOk;
using ::absl_testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr int64_t kPlenty = int64_t{1} << 30;

UniqueFd Fixture(const std::string& path) {
  auto file = OpenForReading(TestDataPath(path));
  EXPECT_THAT(file, IsOk()) << path;
  return file.ok() ? *std::move(file) : UniqueFd();
}

template <typename Message>
Message Parse(const std::string& text) {
  Message message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message)) << text;
  return message;
}

InputSpec Float(std::string name, Shape shape) {
  return {std::move(name), schema::TensorType_FLOAT32, std::move(shape)};
}

absl::StatusOr<BoundDataset> Open(int fd, std::vector<InputSpec> inputs,
                                  const std::string& use = "", const std::string& preprocess = "",
                                  int64_t max_bytes = kPlenty) {
  const auto steps = Parse<v1::Preprocess>(preprocess);
  const std::vector<const v1::Preprocess*> all = {&steps};
  return OpenNpz(fd, inputs, Parse<v1::DatasetUse>(use), all, max_bytes);
}

absl::StatusOr<v1::DatasetUsed> BindArrays(const v1::DatasetInfo& info,
                                           std::span<const InputSpec> inputs,
                                           const v1::DatasetUse& use,
                                           std::span<const v1::Preprocess* const> preprocess) {
  ASSIGN_OR_RETURN(const Binding binding, SettleBinding(info, inputs, use, preprocess));
  return UsedBy(binding);
}

absl::StatusOr<v1::DatasetUsed> Bind(const std::string& info, std::vector<InputSpec> inputs,
                                     const std::string& use = "",
                                     std::vector<std::string> preprocess = {}) {
  std::vector<v1::Preprocess> steps;
  for (const std::string& text : preprocess) steps.push_back(Parse<v1::Preprocess>(text));
  std::vector<const v1::Preprocess*> all;
  for (const v1::Preprocess& step : steps) all.push_back(&step);
  return BindArrays(Parse<v1::DatasetInfo>(info), inputs, Parse<v1::DatasetUse>(use), all);
}

std::string Array(const std::string& name, const std::string& shape,
                  const std::string& type = "uint8") {
  return absl::StrCat("arrays { name: '", name, "' type: '", type, "' shape: ", shape, "} ");
}

// What make_npz.py put at element j of example i.
int64_t Counted(int64_t example, int64_t element) { return (7 * example + element) % 100; }

TEST(InspectNpz, ListsTheArraysOfTheRealSets) {
  const struct {
    const char* file;
    std::vector<std::string> arrays;
  } cases[] = {
      {"data/mnist.npz",
       {"test_images uint8 10000 28 28", "test_labels uint8 10000", "calib_images uint8 500 28 28",
        "calib_labels uint8 500"}},
      {"data/mobilenet.npz",
       {"crops uint8 60 224 224 3", "crop_sources <U39 60", "fashion28_test uint8 1000 28 28",
        "fashion_test_labels uint8 1000", "fashion28_calib uint8 200 28 28"}},
  };
  for (const auto& test : cases) {
    const UniqueFd file = Fixture(test.file);
    const auto info = InspectNpz(file.get(), kPlenty);
    ASSERT_THAT(info, IsOk());
    EXPECT_EQ(info->format(), "npz");
    EXPECT_EQ(info->size_bytes(), *FileSize(file.get()));
    std::vector<std::string> arrays;
    for (const v1::ArrayInfo& array : info->arrays()) {
      arrays.push_back(absl::StrCat(array.name(), " ", array.type()));
      for (const int64_t size : array.shape()) absl::StrAppend(&arrays.back(), " ", size);
    }
    EXPECT_EQ(arrays, test.arrays);
  }
}

TEST(InspectNpz, ReadsEveryVersionOfTheFormat) {
  const auto info = InspectNpz(Fixture("npz/versions.npz").get(), kPlenty);
  ASSERT_THAT(info, IsOk());
  EXPECT_EQ(info->arrays_size(), 3);
}

TEST(InspectNpz, ListsScalarsAndEmptyArrays) {
  const auto info = InspectNpz(Fixture("npz/scalar.npz").get(), kPlenty);
  ASSERT_THAT(info, IsOk());
  EXPECT_EQ(info->arrays(0).shape_size(), 0);
  EXPECT_THAT(info->arrays(1).shape(), ElementsAre(0, 3));
}

TEST(InspectNpz, RefusesWhatNumPyWritesButIsNotRead) {
  const struct {
    const char* file;
    const char* problem;
  } cases[] = {{"npz/objects.npz", "array 'x': it holds pickled objects"},
               {"npz/fortran.npz", "array 'x': it is in Fortran order"},
               {"npz/big_endian.npz", "array 'x': its elements (>i4) are big-endian"},
               {"npz/single.npy", "single .npy array; save it with numpy.savez"},
               {"npz/make_npz.py", "this is no .npz file"}};
  for (const auto& test : cases) {
    const auto info = InspectNpz(Fixture(test.file).get(), kPlenty);
    EXPECT_THAT(info, StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(test.problem)));
    EXPECT_EQ(ReasonOf(info.status()), "DATASET_MALFORMED");
  }
}

TEST(InspectNpz, RefusesBombsByWhatTheyClaim) {
  const std::string zeros = NpyBytes("|u1", "(50000000,)", std::string(50'000'000, '\0'));
  const UniqueFd bomb = FileOf(ZipBytes({{"x.npy", zeros, true}}));
  EXPECT_LT(*FileSize(bomb.get()), 60'000);
  const auto info = InspectNpz(bomb.get(), 1 << 20);
  EXPECT_THAT(info, StatusIs(absl::StatusCode::kResourceExhausted,
                             HasSubstr("array 'x' takes 50000000 bytes when unpacked")));
  EXPECT_THAT(Open(bomb.get(), {Float("x", {1})}, "", "", 1 << 20),
              StatusIs(absl::StatusCode::kResourceExhausted));
}

TEST(InspectNpz, CountsBombsTogether) {
  const std::string zeros = NpyBytes("|u1", "(600000,)", std::string(600'000, '\0'));
  const UniqueFd two = FileOf(ZipBytes({{"a.npy", zeros, true}, {"b.npy", zeros, true}}));
  EXPECT_THAT(InspectNpz(two.get(), 1'000'000),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("'b'")));
  EXPECT_THAT(InspectNpz(two.get(), 1'200'000), IsOk());
}

TEST(InspectNpz, LetsStoredArraysBeOfAnySize) {
  const UniqueFd stored =
      FileOf(ZipBytes({{"x.npy", NpyBytes("|u1", "(5000,)", std::string(5000, 'a')), false}}));
  EXPECT_THAT(InspectNpz(stored.get(), 100), IsOk());
}

TEST(InspectNpz, RefusesEntriesThatLie) {
  const std::string array = NpyBytes("|u1", "(4,)", "abcd");
  const struct {
    ZipEntry entry;
    const char* problem;
  } cases[] = {
      {{"x.npy", array.substr(0, array.size() - 1)}, "its shape takes 4 bytes, its entry holds 3"},
      {{"x.npy", array + "more"}, "its shape takes 4 bytes, its entry holds 8"},
      {{"x.npy", array, true, 4'000'000'000u}, "it claims 4000000000 bytes of"},
      {{"x.npy", array, false, 5000u}, "it claims 5000 bytes of"},
      {{"x.npy", array, false, 5000u, 5000u}, ""},
      {{"x.npy", "no array"}, "no .npy array"},
      {{"x.npy", ""}, "no .npy array"},
      {{"x.npy", array, false, {}, {}, {}, /*flags=*/1}, ""},
      {{"", array}, "the name of entry 0 is no array's"},
      {{".npy", array}, "the name of entry 0 is no array's"},
      {{std::string(300, 'n') + ".npy", array}, "the name of entry 0 is no array's"},
      {{"folder/", ""}, "array 'folder/'"},
  };
  for (const auto& test : cases) {
    const auto info = InspectNpz(FileOf(ZipBytes({test.entry})).get(), kPlenty);
    EXPECT_THAT(info, StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(test.problem)))
        << test.problem;
    EXPECT_EQ(ReasonOf(info.status()), "DATASET_MALFORMED");
  }
}

TEST(InspectNpz, RefusesNamesThatAreThereTwice) {
  const std::string array = NpyBytes("|u1", "(4,)", "abcd");
  EXPECT_THAT(InspectNpz(FileOf(ZipBytes({{"x.npy", array}, {"x.npy", array}})).get(), kPlenty),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(InspectNpz(FileOf(ZipBytes({{"x.npy", array}, {"x", array}})).get(), kPlenty),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("array 'x' is there twice")));
}

TEST(InspectNpz, TakesNamesForNamesAndNotForPaths) {
  const std::string array = NpyBytes("|u1", "(4,)", "abcd");
  const auto info =
      InspectNpz(FileOf(ZipBytes({{"../../etc/x.npy", array}, {"/y.npy", array}})).get(), kPlenty);
  ASSERT_THAT(info, IsOk());
  EXPECT_EQ(info->arrays(0).name(), "../../etc/x");
  EXPECT_EQ(info->arrays(1).name(), "/y");
}

TEST(InspectNpz, RefusesEveryTruncation) {
  const std::string whole =
      ZipBytes({{"x.npy", NpyBytes("|u1", "(40,)", std::string(40, 'a')), true}});
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_THAT(InspectNpz(FileOf(whole.substr(0, size)).get(), kPlenty),
                StatusIs(absl::StatusCode::kInvalidArgument))
        << size;
  }
  EXPECT_THAT(InspectNpz(FileOf(whole).get(), kPlenty), IsOk());
}

TEST(OpenNpz, RefusesArraysWhoseBytesAreDamaged) {
  ZipEntry entry{"x.npy", NpyBytes("|u1", "(4,)", "abcd"), true};
  entry.claimed_crc = 12345;
  const UniqueFd file = FileOf(ZipBytes({entry}));
  EXPECT_THAT(Open(file.get(), {Float("x", {1})}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("array 'x': CRC error")));
}

class EveryType : public testing::TestWithParam<std::tuple<std::string, std::string>> {};

TEST_P(EveryType, GivesTheSameNumbersStoredAndDeflated) {
  const auto& [packing, type] = GetParam();
  const UniqueFd file = Fixture(absl::StrCat("npz/every_type_", packing, ".npz"));
  const auto data =
      Open(file.get(), {Float("input", {1, 3})}, absl::StrCat("bindings { arrays: '", type, "' }"));
  ASSERT_THAT(data, IsOk());
  ASSERT_EQ(data->dataset->size(), 5);
  for (int64_t example = 0; example < 5; ++example) {
    const auto values = data->dataset->Get(example);
    ASSERT_THAT(values, IsOk());
    for (int64_t element = 0; element < 3; ++element) {
      const int64_t counted = Counted(example, element);
      EXPECT_EQ((*values)[0].values<float>()[element], type == "bool" ? counted != 0 : counted);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    OpenNpz, EveryType,
    testing::Combine(testing::Values("stored", "deflated"),
                     testing::Values("bool", "int8", "uint8", "int16", "uint16", "int32", "uint32",
                                     "int64", "uint64", "float16", "float32", "float64")),
    [](const auto& info) {
      return absl::StrCat(std::get<0>(info.param), "_", std::get<1>(info.param));
    });

TEST(OpenNpz, KeepsIntegersForIntegerInputs) {
  const UniqueFd file = Fixture("npz/every_type_stored.npz");
  const auto data =
      Open(file.get(), {{"ids", schema::TensorType_INT32, {1, 3}}}, "bindings { arrays: 'int64' }");
  ASSERT_THAT(data, IsOk());
  const auto example = data->dataset->Get(4);
  ASSERT_THAT(example, IsOk());
  EXPECT_EQ((*example)[0].type, schema::TensorType_INT32);
  EXPECT_THAT((*example)[0].values<int32_t>(), ElementsAre(28, 29, 30));
}

TEST(OpenNpz, NamesAnIntegerThatDoesNotFit) {
  const UniqueFd file = FileOf(
      ZipBytes({{"x.npy", NpyBytes("<i2", "(1, 2)", absl::string_view("\x01\x00\x00\x04", 4))}}));
  const auto data = Open(file.get(), {{"x", schema::TensorType_INT8, {1, 2}}});
  ASSERT_THAT(data, IsOk());
  EXPECT_THAT(data->dataset->Get(0), StatusIs(absl::StatusCode::kInvalidArgument,
                                              HasSubstr("input 'x': 1024 does not fit in INT8")));
}

TEST(OpenNpz, RefusesArithmeticOnIntegerInputs) {
  const UniqueFd file = Fixture("npz/every_type_stored.npz");
  const std::vector<InputSpec> input = {{"ids", schema::TensorType_INT32, {1, 3}}};
  EXPECT_THAT(Open(file.get(), input, "bindings { arrays: 'int64' }", "scale: 2"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("gives real numbers")));
  EXPECT_THAT(Open(file.get(), input, "bindings { arrays: 'float32' }"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("gives real numbers")));
}

TEST(OpenNpz, PreprocessesTheRealMnist) {
  const UniqueFd file = Fixture("data/mnist.npz");
  const auto data = Open(file.get(), {Float("serving_default_keras_tensor:0", {1, 28, 28})},
                         "bindings { input: 'keras_tensor' arrays: 'test_images' }",
                         "scale: 0.00392156862745098");
  ASSERT_THAT(data, IsOk());
  EXPECT_EQ(data->dataset->size(), 10000);
  EXPECT_EQ(data->used.labels(), "test_labels");
  EXPECT_EQ(data->used.bindings(0).input(), "serving_default_keras_tensor:0");
  // numpy: labels[:5] and the sum and largest pixel of image 0.
  const std::vector<int64_t>& labels = data->dataset->labels();
  EXPECT_THAT(std::vector<int64_t>(labels.begin(), labels.begin() + 5), ElementsAre(7, 2, 1, 0, 4));
  const auto image = data->dataset->Get(0);
  ASSERT_THAT(image, IsOk());
  float sum = 0, largest = 0;
  for (const float pixel : (*image)[0].values<float>()) {
    sum += pixel;
    largest = std::max(largest, pixel);
  }
  EXPECT_NEAR(sum * 255, 18454, 0.1);
  EXPECT_FLOAT_EQ(largest, 1.0f);
}

TEST(OpenNpz, MakesPortraitInputsOfFramesAndPriors) {
  const UniqueFd file = Fixture("data/portrait.npz");
  const auto data =
      Open(file.get(), {Float("input", {1, 224, 224, 4})},
           "bindings { arrays: ['frames', 'priors'] } max_examples: 2",
           "channel_order: CHANNEL_ORDER_BGR scale: [0.017, 0.017, 0.017, 0.0039215686] "
           "offset: [-1.76698, -1.98526, -2.10256, 0]");
  ASSERT_THAT(data, IsOk());
  EXPECT_EQ(data->dataset->size(), 2);
  EXPECT_THAT(data->dataset->labels(), IsEmpty());
  const auto raw = Open(file.get(), {Float("input", {1, 224, 224, 3})},
                        "bindings { arrays: 'frames' } max_examples: 2");
  ASSERT_THAT(raw, IsOk());
  const auto pixels = raw->dataset->Get(1);
  const auto input = data->dataset->Get(1);
  ASSERT_THAT(input, IsOk());
  const auto rgb = (*pixels)[0].values<float>();
  const auto values = (*input)[0].values<float>();
  for (size_t pixel = 0; pixel < 224 * 224; pixel += 97) {
    EXPECT_NEAR(values[4 * pixel], (rgb[3 * pixel + 2] - 103.94) * 0.017, 1e-5);
    EXPECT_NEAR(values[4 * pixel + 1], (rgb[3 * pixel + 1] - 116.78) * 0.017, 1e-5);
    EXPECT_NEAR(values[4 * pixel + 2], (rgb[3 * pixel] - 123.68) * 0.017, 1e-5);
  }
}

TEST(OpenNpz, MakesMobileNetInputsOfSmallImages) {
  const UniqueFd file = Fixture("data/mobilenet.npz");
  const auto data =
      Open(file.get(), {Float("input", {1, 224, 224, 3})}, "bindings { arrays: 'fashion28_test' }",
           "repeat { height: 8 width: 8 channels: 3 } scale: 0.5");
  ASSERT_THAT(data, IsOk());
  EXPECT_EQ(data->used.labels(), "fashion_test_labels");
  const auto small =
      Open(file.get(), {Float("input", {1, 28, 28})}, "bindings { arrays: 'fashion28_test' }");
  ASSERT_THAT(small, IsOk());
  const auto large_example = data->dataset->Get(17);
  const auto small_example = small->dataset->Get(17);
  const auto large_values = (*large_example)[0].values<float>();
  const auto small_values = (*small_example)[0].values<float>();
  ASSERT_EQ(large_values.size(), 224u * 224 * 3);
  for (size_t y = 0; y < 224; ++y) {
    for (size_t x = 0; x < 224; ++x) {
      for (size_t c = 0; c < 3; ++c) {
        ASSERT_EQ(large_values[(y * 224 + x) * 3 + c], 0.5f * small_values[y / 8 * 28 + x / 8]);
      }
    }
  }
}

TEST(OpenNpz, GivesTheSameToManyThreads) {
  for (const char* name : {"npz/every_type_stored.npz", "npz/every_type_deflated.npz"}) {
    const UniqueFd file = Fixture(name);
    const auto data = Open(file.get(), {Float("input", {1, 3})}, "bindings { arrays: 'int32' }");
    ASSERT_THAT(data, IsOk());
    EXPECT_THAT(ParallelFor(8, 1000,
                            [&](int64_t round) -> absl::Status {
                              const auto example = data->dataset->Get(round % 5);
                              if (!example.ok()) return example.status();
                              const float first = (*example)[0].values<float>()[0];
                              if (first != static_cast<float>(Counted(round % 5, 0)))
                                return absl::InternalError("mixed");
                              return absl::OkStatus();
                            }),
                IsOk());
  }
}

TEST(OpenNpz, DigestsTellExamplesApartAndFindThemAgain) {
  const UniqueFd file = Fixture("data/mnist.npz");
  const auto test = Open(file.get(), {Float("x", {1, 28, 28})},
                         "bindings { arrays: 'test_images' } max_examples: 100");
  const auto again = Open(file.get(), {Float("x", {1, 28, 28})},
                          "bindings { arrays: 'test_images' } max_examples: 50", "scale: 2");
  ASSERT_THAT(test, IsOk());
  ASSERT_THAT(again, IsOk());
  std::set<std::string> digests;
  for (int64_t i = 0; i < 100; ++i) digests.insert(*test->dataset->ExampleDigest(i));
  EXPECT_EQ(digests.size(), 100u);
  EXPECT_EQ(*again->dataset->ExampleDigest(7), *test->dataset->ExampleDigest(7));
}

TEST(OpenNpz, NamesLabelsThatAreNoClasses) {
  const std::string images = NpyBytes("|u1", "(3, 2)", "abcdef");
  const struct {
    std::string labels;
    const char* problem;
  } cases[] = {
      {NpyBytes("|i1", "(3,)", "\x01\xff\x02"), "array 'y', example 1: -1 is no class"},
      {NpyBytes("<f4", "(3,)", absl::string_view("\0\0\x80\x3f\0\0\0\x40\0\0\x20\x40", 12)),
       "example 2: 2.5 is no class"},
  };
  for (const auto& test : cases) {
    const UniqueFd file = FileOf(ZipBytes({{"x.npy", images}, {"y.npy", test.labels, true}}));
    EXPECT_THAT(Open(file.get(), {Float("x", {1, 2})}),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(test.problem)));
  }
}

TEST(OpenNpz, UnpacksOnlyTheExamplesThatAreUsed) {
  const UniqueFd file = Fixture("data/mnist.npz");
  const std::string use = "bindings { arrays: 'test_images' } labels: 'test_labels' max_examples: ";
  EXPECT_THAT(Open(file.get(), {Float("x", {1, 28, 28})}, use + "10", "", 10 * 785), IsOk());
  EXPECT_THAT(Open(file.get(), {Float("x", {1, 28, 28})}, use + "11", "", 10 * 785),
              StatusIs(absl::StatusCode::kResourceExhausted));
}

TEST(BindArrays, TakesAnArrayNamedLikeTheInput) {
  const std::string info = Array("other", "[9, 4]") + Array("image", "[9, 4]");
  for (const char* input : {"image", "serving_default_image:0"}) {
    const auto used = Bind(info, {Float(input, {1, 4})});
    ASSERT_THAT(used, IsOk());
    EXPECT_EQ(used->bindings(0).arrays(0), "image");
    EXPECT_EQ(used->bindings(0).input(), input);
    EXPECT_EQ(used->examples(), 9);
  }
}

TEST(BindArrays, TakesXAndThenTheOnlyArrayThatFits) {
  EXPECT_EQ(Bind(Array("a", "[9, 4]") + Array("x", "[9, 4]"), {Float("i", {1, 4})})
                ->bindings(0)
                .arrays(0),
            "x");
  EXPECT_EQ(Bind(Array("a", "[9, 4]") + Array("b", "[9, 5]"), {Float("i", {1, 4})})
                ->bindings(0)
                .arrays(0),
            "a");
  const auto both =
      Bind(Array("a", "[9, 4]") + Array("b", "[9, 5]"), {Float("i", {1, 5}), Float("j", {1, 4})});
  ASSERT_THAT(both, IsOk());
  EXPECT_EQ(both->bindings(0).arrays(0), "b");
  EXPECT_EQ(both->bindings(1).arrays(0), "a");
}

TEST(BindArrays, FitsAShapeAfterItsPreprocessing) {
  const std::string info = Array("small", "[9, 28, 28]") + Array("large", "[9, 224, 224]");
  const auto used =
      Bind(info, {Float("i", {1, 224, 224, 3})}, "", {"repeat { height: 8 width: 8 channels: 3 }"});
  ASSERT_THAT(used, IsOk());
  EXPECT_EQ(used->bindings(0).arrays(0), "small");
}

TEST(BindArrays, LetsAGreyImageLackItsChannel) {
  EXPECT_THAT(Bind(Array("x", "[9, 28, 28]"), {Float("i", {1, 28, 28, 1})}), IsOk());
  EXPECT_THAT(Bind(Array("x", "[9, 28, 28, 1]"), {Float("i", {1, 28, 28})}), IsOk());
  EXPECT_THAT(Bind(Array("x", "[9]", "float32"), {Float("i", {1, 1})}), IsOk());
  EXPECT_THAT(Bind(Array("x", "[9, 28, 28, 3]"), {Float("i", {1, 28, 28})}),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(BindArrays, RefusesWhatIsAmbiguousWithAListAndAHint) {
  const auto info = InspectNpz(Fixture("data/mnist.npz").get(), kPlenty);
  ASSERT_THAT(info, IsOk());
  const std::vector<InputSpec> inputs = {Float("serving_default_keras_tensor:0", {1, 28, 28})};
  const auto used = BindArrays(*info, inputs, {}, {});
  EXPECT_THAT(
      used.status().message(),
      AllOf(HasSubstr(
                "more than one array fits input 'serving_default_keras_tensor:0': 'test_images', "
                "'calib_images'; say which"),
            HasSubstr("FILE:keras_tensor=test_images"), HasSubstr("FLOAT32 [1, 28, 28]"),
            HasSubstr("'calib_labels' uint8 [500]")));
  EXPECT_EQ(ReasonOf(used.status()), "TENSOR_MISMATCH");
}

TEST(BindArrays, FillsTwoInputsFromOneArrayOnlyWhereAsked) {
  const std::vector<InputSpec> inputs = {Float("i", {1, 4}), Float("j", {1, 4})};
  const auto chosen = Bind(Array("d", "[9, 4]"), inputs);
  EXPECT_THAT(chosen, StatusIs(absl::StatusCode::kInvalidArgument,
                               AllOf(HasSubstr("array 'd' fits input 'i' and input 'j'; say which"),
                                     HasSubstr("FILE:j=d"), HasSubstr("'d' uint8 [9, 4]"))));
  EXPECT_EQ(ReasonOf(chosen.status()), "TENSOR_MISMATCH");
  // Both are called "image" by their author.
  EXPECT_THAT(Bind(Array("image", "[9, 4]"),
                   {Float("image", {1, 4}), Float("serving_default_image:0", {1, 4})}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("array 'image' fits input")));
  EXPECT_THAT(Bind(Array("d", "[9, 4]"), inputs,
                   "bindings { input: 'i' arrays: 'd' } bindings { input: 'j' arrays: 'd' }"),
              IsOk());
  EXPECT_THAT(Bind(Array("j", "[9, 4]"), inputs, "bindings { input: 'i' arrays: 'j' }"), IsOk());
}

TEST(BindArrays, NamesTheInputAndBothShapesThatDoNotFit) {
  const auto only =
      Bind(Array("images", "[9, 27, 28]") + Array("y", "[9]"), {Float("i", {1, 28, 28})});
  EXPECT_THAT(only, StatusIs(absl::StatusCode::kInvalidArgument,
                             "input 'i' takes [28, 28] an example, but array 'images' uint8 [9, "
                             "27, 28] gives [27, 28]"));
  EXPECT_EQ(ReasonOf(only.status()), "TENSOR_MISMATCH");
  EXPECT_THAT(
      Bind(Array("x", "[9, 4]"), {Float("i", {1, 4})}, "", {"resize { height: 3 width: 3 }"}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("need images")));
  EXPECT_THAT(Bind(Array("a", "[9, 4]") + Array("b", "[9, 5]"), {Float("i", {1, 7})}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("no array fits input 'i'")));
}

TEST(BindArrays, RefusesContradictions) {
  const std::string info = Array("a", "[9, 4]") + Array("b", "[8, 4]") + Array("t", "[9]", "<U3") +
                           Array("s", "", "float32") + Array("y", "[9]") + Array("none", "[0, 4]");
  const std::string scalar = absl::StrReplaceAll(info, {{"shape: }", "}"}});
  const struct {
    const char* use;
    std::vector<std::string> preprocess;
    const char* problem;
  } cases[] = {
      {"bindings { arrays: 'c' }",
       {},
       "the data set has no array 'c'; its arrays: 'a' uint8 [9, 4]"},
      {"bindings { input: 'k' arrays: 'a' }",
       {},
       "the model has no input 'k'; its inputs: 'i' FLOAT32 [1, 4]"},
      {"bindings { input: 'i' }", {}, "names no array"},
      {"bindings { arrays: 'a' } bindings { input: 'i' arrays: 'a' }", {}, "bound twice"},
      {"bindings { arrays: 'a' } labels: 'b'",
       {},
       "array 'b' uint8 [8, 4] does not hold one class for each of 9 examples"},
      {"bindings { arrays: 'a' } labels: 'l'", {}, "the data set has no array 'l'"},
      {"bindings { arrays: 't' }", {}, "array 't' <U3 [9] holds no numbers"},
      {"bindings { arrays: 's' }", {}, "has no axis of examples"},
      {"bindings { arrays: 'none' }", {}, "has no examples"},
      {"bindings { arrays: 'a' }", {"input: 'k'"}, "the model has no input 'k'"},
      {"bindings { arrays: 'a' }", {"", ""}, "two are for every input"},
      {"bindings { arrays: 'a' }", {"input: 'i'", "input: 'i'"}, "two are for input 'i'"},
      {"bindings { arrays: 'a' }", {"scale: [1, 2]"}, "has 2 values for 4 channels"},
  };
  for (const auto& test : cases) {
    EXPECT_THAT(Bind(scalar, {Float("i", {1, 4})}, test.use, test.preprocess),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(test.problem)))
        << test.use;
  }
}

TEST(BindArrays, RefusesArraysOfUnequalLength) {
  EXPECT_THAT(
      Bind(Array("i", "[9, 4]") + Array("j", "[8, 4]"), {Float("i", {1, 4}), Float("j", {1, 4})}),
      StatusIs(absl::StatusCode::kInvalidArgument,
               HasSubstr("must be of equal length: 'i' uint8 [9, 4], 'j'")));
}

TEST(BindArrays, FindsTheLabels) {
  const std::vector<InputSpec> input = {Float("i", {1, 4})};
  const std::string x = Array("x", "[9, 4]");
  EXPECT_EQ(Bind(x + Array("a_labels", "[9]") + Array("y", "[9]"), input)->labels(), "y");
  EXPECT_EQ(Bind(x + Array("a_labels", "[9]") + Array("labels", "[9, 1]"), input)->labels(),
            "labels");
  EXPECT_EQ(Bind(x + Array("a_labels", "[9]") + Array("b_labels", "[7]"), input)->labels(),
            "a_labels");
  EXPECT_EQ(Bind(x + Array("labels", "[7]"), input)->labels(), "");
  EXPECT_EQ(Bind(x + Array("labels", "[9, 3]"), input)->labels(), "");
  EXPECT_THAT(
      Bind(x + Array("a_labels", "[9]") + Array("b_labels", "[9]"), input),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("'a_labels', 'b_labels'; say which")));
}

TEST(BindArrays, RefusesInputsThatDataCannotFill) {
  const std::string x = Array("x", "[9, 4]");
  EXPECT_THAT(Bind(x, {Float("i", {})}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("no batch axis")));
  EXPECT_THAT(Bind(x, {Float("i", {4})}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("no batch axis")));
  EXPECT_THAT(Bind(x, {}), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("no inputs")));
  EXPECT_THAT(Bind(x, {{"i", schema::TensorType_STRING, {1, 4}}}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("is STRING, which no array can fill")));
}

// Four examples of two bytes, with masks of two places.
std::string Sequences(const std::string& lengths, absl::string_view bytes) {
  return ZipBytes(
      {{"x.npy", NpyBytes("|u1", "(4, 2)", "abcdefgh")},
       {"masks.npy", NpyBytes("|u1", "(4, 2)", absl::string_view("\0\1\1\1\0\0\1\0", 8))},
       {"clip.npy", NpyBytes("|u1", lengths, std::string(bytes))}});
}

TEST(OpenNpz, ReadsTargetsBesideTheInputs) {
  const UniqueFd file = FileOf(Sequences("(4,)", "aaab"));
  const auto set = Open(file.get(), {Float("x", {1, 2})}, "targets { array: 'masks' }");
  ASSERT_THAT(set, IsOk());
  ASSERT_EQ(set->targets.size(), 1);
  EXPECT_THAT(set->targets[0]->shape(), ElementsAre(2));
  EXPECT_FALSE(set->targets[0]->is_float());
  EXPECT_THAT(*set->targets[0]->Get(2), ElementsAre(0, 0));
  EXPECT_THAT(*set->targets[0]->Get(3), ElementsAre(1, 0));
  EXPECT_EQ(set->used.targets(0).array(), "masks");
}

TEST(OpenNpz, TakesNoTargetsForAnInput) {
  const UniqueFd file = FileOf(ZipBytes(
      {{"a.npy", NpyBytes("|u1", "(1, 2)", "ab")}, {"b.npy", NpyBytes("|u1", "(1, 2)", "cd")}}));
  EXPECT_THAT(Open(file.get(), {Float("image", {1, 2})}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("more than one array fits")));
  const auto set = Open(file.get(), {Float("image", {1, 2})}, "targets { array: 'b' }");
  ASSERT_THAT(set, IsOk());
  EXPECT_EQ(set->used.bindings(0).arrays(0), "a");
}

TEST(OpenNpz, BeginsSequencesWhereEntriesChangeOrLengthsEnd) {
  const auto starts = [](const std::string& lengths, absl::string_view bytes,
                         const std::string& more = "") {
    const UniqueFd file = FileOf(Sequences(lengths, bytes));
    const auto set = Open(file.get(), {Float("x", {1, 2})}, "sequences: 'clip' " + more);
    EXPECT_THAT(set, IsOk());
    return set.ok() ? set->sequence_starts : std::vector<int64_t>();
  };
  EXPECT_THAT(starts("(4,)", "aaba"), ElementsAre(0, 2, 3));
  EXPECT_THAT(starts("(2,)", "\3\1"), ElementsAre(0, 3));
  EXPECT_THAT(starts("(1,)", "\4"), ElementsAre(0));
  EXPECT_THAT(starts("(2,)", "\3\1", "max_examples: 3"), ElementsAre(0));
}

TEST(OpenNpz, RefusesSequencesAndTargetsThatDoNotFit) {
  const struct {
    std::string lengths;
    absl::string_view bytes;
    const char* use;
    const char* problem;
  } cases[] = {
      {"(2,)", "\3\2", "sequences: 'clip'", "the length 2 is not between 1 and the 1 examples"},
      {"(2,)", "\2\1", "sequences: 'clip'", "the lengths add up to 3 of 4 examples"},
      {"(2,)", absl::string_view("\0\4", 2), "sequences: 'clip'", "the length 0 is not between"},
      {"(5,)", "aaaaa", "sequences: 'clip'", "is no list of integers"},
      {"(2, 2)", "aaaa", "sequences: 'clip'", "is no list of integers"},
      {"(4,)", "aaaa", "sequences: 'none'", "sequences: the data set has no array 'none'"},
      {"(3,)", "aaa", "targets { array: 'clip' }", "numbers for each of 4 examples"},
      {"(4,)", "aaaa", "targets { array: 'none' }", "targets.array: the data set has no array"},
  };
  for (const auto& test : cases) {
    const UniqueFd file = FileOf(Sequences(test.lengths, test.bytes));
    const auto set = Open(file.get(), {Float("x", {1, 2})}, test.use);
    EXPECT_THAT(set, StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(test.problem)));
    EXPECT_EQ(ReasonOf(set.status()), "FIELD_INVALID");
  }
}

}  // namespace
}  // namespace octavo
