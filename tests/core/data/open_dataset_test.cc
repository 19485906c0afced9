#include "core/data/open_dataset.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <set>

#include "absl/status/status_matchers.h"
#include "absl/strings/str_cat.h"
#include "core/base/error_reason.h"
#include "core/base/file.h"
#include "core/base/parallel.h"
#include "core/base/status_macros.h"
#include "core/data/image_decode.h"
#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "tests/core/data/golden_array.h"
#include "tests/core/data/tar_bytes.h"
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
using ::testing::SizeIs;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr int64_t kPlenty = int64_t{1} << 30;

template <typename Message>
Message Parse(const std::string& text) {
  Message message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message)) << text;
  return message;
}

InputSpec Float(Shape shape) { return {"x", schema::TensorType_FLOAT32, std::move(shape)}; }

absl::StatusOr<BoundDataset> Open(int fd, InputSpec input, const std::string& use = "",
                                  const std::string& preprocess = "", int64_t max_bytes = kPlenty) {
  const auto steps = Parse<v1::Preprocess>(preprocess);
  const std::vector<const v1::Preprocess*> all = {&steps};
  return OpenDataset(fd, {&input, 1}, Parse<v1::DatasetUse>(use), all, max_bytes);
}

std::string Image(const std::string& name) { return TestFile("images/" + name); }

std::vector<ZipEntry> AsZip(const std::vector<TarEntry>& files) {
  std::vector<ZipEntry> entries;
  for (const TarEntry& file : files) entries.push_back({file.name, file.bytes, true});
  return entries;
}

struct Packed {
  std::string format;
  UniqueFd fd;
};

std::vector<Packed> InEveryFormat(const std::vector<TarEntry>& files) {
  std::vector<Packed> all;
  all.push_back({"zip", FileOf(ZipBytes(AsZip(files)))});
  all.push_back({"tar", FileOf(TarBytes(files))});
  all.push_back({"tar.gz", FileOf(Gzipped(TarBytes(files)))});
  return all;
}

std::vector<std::string> ArraysOf(const v1::DatasetInfo& info) {
  std::vector<std::string> arrays;
  for (const v1::ArrayInfo& array : info.arrays()) {
    arrays.push_back(absl::StrCat(array.name(), " ", array.type(), " ",
                                  DimsText(Dims(array.shape().begin(), array.shape().end())), " ",
                                  v1::ArrayKind_Name(array.kind()).substr(11)));
  }
  return arrays;
}

std::vector<float> Floats(const TensorValue& value) {
  std::vector<float> floats(value.bytes.size() / sizeof(float));
  std::memcpy(floats.data(), value.bytes.data(), value.bytes.size());
  return floats;
}

std::vector<float> PixelsOf(const std::string& name, int64_t channels) {
  const std::string encoded = Image(name);
  const auto image =
      DecodeImage({reinterpret_cast<const uint8_t*>(encoded.data()), encoded.size()}, channels);
  EXPECT_THAT(image, IsOk());
  return {image->pixels.begin(), image->pixels.end()};
}

std::vector<TarEntry> ClassFolders() {
  return {{"pets/README.md", "not an image"},
          {"pets/dog/b.jpg", Image("colour.jpg")},
          {"pets/cat/0.png", Image("colour.png")},
          {"pets/dog/a.jpg", Image("progressive.jpg")}};
}

TEST(OpenDataset, ReadsClassFoldersOfEveryFormat) {
  for (const Packed& packed : InEveryFormat(ClassFolders())) {
    const auto info = InspectDatasetFile(packed.fd.get(), kPlenty);
    ASSERT_THAT(info, IsOk()) << packed.format;
    EXPECT_EQ(info->format(), packed.format);
    EXPECT_EQ(info->size_bytes(), *FileSize(packed.fd.get()));
    EXPECT_THAT(info->class_names(), ElementsAre("cat", "dog"));
    EXPECT_THAT(ArraysOf(*info),
                ElementsAre("images uint8 [3, 40, 48, 3] IMAGE", "labels int64 [3] UNSPECIFIED"));

    const auto bound = Open(packed.fd.get(), Float({1, 40, 48, 3}));
    ASSERT_THAT(bound, IsOk()) << packed.format;
    EXPECT_THAT(bound->dataset->labels(), ElementsAre(0, 1, 1));
    EXPECT_THAT(bound->warnings, IsEmpty());
    EXPECT_EQ(bound->used.labels(), "labels");
    EXPECT_EQ(bound->unpacked_bytes > 0, packed.format == "tar.gz");
    const char* const files[] = {"colour.png", "progressive.jpg", "colour.jpg"};
    for (int64_t i = 0; i < 3; ++i) {
      const auto example = bound->dataset->Get(i);
      ASSERT_THAT(example, IsOk());
      EXPECT_EQ(Floats((*example)[0]), PixelsOf(files[i], 3)) << packed.format << " " << i;
    }
  }
}

TEST(OpenDataset, FindsImagesBehindAnyNumberOfFolders) {
  std::vector<ZipEntry> entries;
  for (int i = 0; i < 2000; ++i) entries.push_back({absl::StrCat("class", i, "/"), ""});
  entries.push_back({"class7/a.jpg", Image("colour.jpg")});
  const UniqueFd zip = FileOf(ZipBytes(entries));
  const auto info = InspectDatasetFile(zip.get(), kPlenty);
  ASSERT_THAT(info, IsOk());
  EXPECT_EQ(info->format(), "zip");
}

TEST(OpenDataset, ReadsImagesWithoutFoldersAsUnlabelled) {
  const UniqueFd zip = FileOf(ZipBytes({{"a.jpg", Image("colour.jpg")}}));
  const auto bound = Open(zip.get(), Float({1, 40, 48, 3}));
  ASSERT_THAT(bound, IsOk());
  EXPECT_THAT(bound->dataset->labels(), IsEmpty());
  EXPECT_EQ(bound->dataset->size(), 1);
}

TEST(OpenDataset, GivesGreyAndColourAsTheInputTakesThem) {
  const UniqueFd grey =
      FileOf(ZipBytes({{"a.jpg", Image("grey.jpg")}, {"b.png", Image("grey.png")}}));
  const auto info = InspectDatasetFile(grey.get(), kPlenty);
  ASSERT_THAT(info, IsOk());
  EXPECT_THAT(ArraysOf(*info), ElementsAre("images uint8 [2, 40, 48, 1] IMAGE"));
  const UniqueFd colour = FileOf(ZipBytes({{"a.jpg", Image("colour.jpg")}}));
  const struct {
    int fd;
    const char* name;
    Shape shape;
    int64_t channels;
  } cases[] = {{grey.get(), "grey.jpg", {1, 40, 48, 3}, 3},
               {grey.get(), "grey.jpg", {1, 40, 48, 1}, 1},
               {grey.get(), "grey.jpg", {1, 40, 48}, 1},
               {colour.get(), "colour.jpg", {1, 40, 48, 1}, 1}};
  for (const auto& test : cases) {
    const auto bound = Open(test.fd, Float(test.shape));
    ASSERT_THAT(bound, IsOk()) << test.name;
    EXPECT_EQ(Floats((*bound->dataset->Get(0))[0]), PixelsOf(test.name, test.channels));
  }
  // As the flags of MobileNetV2 on grey images repeat them.
  const auto repeated =
      Open(grey.get(), Float({1, 80, 96, 3}), "", "repeat { height: 2 width: 2 channels: 3 }");
  ASSERT_THAT(repeated, IsOk());
  EXPECT_THAT(repeated->warnings, IsEmpty());
  EXPECT_THAT(Open(grey.get(), Float({1, 40, 48, 4})),
              StatusIs(kInvalid, HasSubstr("input 'x' takes [40, 48, 4] an example")));
}

TEST(OpenDataset, ResizesToTheInputWhereNothingElseIsAsked) {
  const UniqueFd photos = OpenForReading(TestDataPath("images/examples.tfrecord")).value();
  const auto by_default = Open(photos.get(), Float({1, 12, 10, 3}));
  ASSERT_THAT(by_default, IsOk());
  ASSERT_THAT(by_default->warnings, SizeIs(1));
  EXPECT_EQ(by_default->warnings[0].reason(), "IMAGES_RESIZED");
  EXPECT_THAT(
      by_default->warnings[0].message(),
      HasSubstr("'image/encoded' were resized to 12x10, which input 'x' takes, bilinearly"));
  const auto asked =
      Open(photos.get(), Float({1, 12, 10, 3}), "", "resize { height: 12 width: 10 }");
  ASSERT_THAT(asked, IsOk());
  EXPECT_THAT(asked->warnings, IsEmpty());
  const auto nearest = Open(photos.get(), Float({1, 12, 10, 3}), "",
                            "resize { height: 12 width: 10 method: RESIZE_METHOD_NEAREST }");
  ASSERT_THAT(nearest, IsOk());
  for (int64_t i = 0; i < 5; ++i) {
    EXPECT_EQ((*by_default->dataset->Get(i))[0].bytes, (*asked->dataset->Get(i))[0].bytes);
    EXPECT_NE((*by_default->dataset->Get(i))[0].bytes, (*nearest->dataset->Get(i))[0].bytes);
  }
  // Integers cannot hold what lies between pixels.
  const auto integers = Open(photos.get(), {"x", schema::TensorType_UINT8, {1, 12, 10, 3}});
  ASSERT_THAT(integers, IsOk());
  EXPECT_THAT(integers->warnings[0].message(), HasSubstr("to the nearest pixel"));
  const auto bytes = (*integers->dataset->Get(3))[0].bytes;
  EXPECT_EQ(std::vector<float>(bytes.begin(), bytes.end()), Floats((*nearest->dataset->Get(3))[0]));
  EXPECT_THAT(Open(photos.get(), Float({1, 12, 10, 3}), "bindings { arrays: 'image/encoded' }",
                   "resize { height: 9 width: 9 }"),
              StatusIs(kInvalid, HasSubstr("gives [9, 9, 3]")));
}

TEST(OpenDataset, SwapsChannelsAroundTheResize) {
  const UniqueFd zip = FileOf(ZipBytes({{"a.png", Image("colour.png")}}));
  const auto rgb = Open(zip.get(), Float({1, 20, 20, 3}));
  const auto bgr =
      Open(zip.get(), Float({1, 20, 20, 3}), "", "channel_order: CHANNEL_ORDER_BGR scale: 2");
  ASSERT_THAT(rgb, IsOk());
  ASSERT_THAT(bgr, IsOk());
  const auto before = Floats((*rgb->dataset->Get(0))[0]);
  const auto after = Floats((*bgr->dataset->Get(0))[0]);
  for (size_t i = 0; i < before.size(); i += 3) {
    ASSERT_EQ(after[i], 2 * before[i + 2]);
    ASSERT_EQ(after[i + 1], 2 * before[i + 1]);
    ASSERT_EQ(after[i + 2], 2 * before[i]);
  }
}

TEST(OpenDataset, PairsImagesWithMasks) {
  for (const Packed& packed : InEveryFormat({{"masks/1.png", Image("mask4.png")},
                                             {"images/2.jpg", Image("colour.jpg")},
                                             {"images/1.jpg", Image("grey.jpg")},
                                             {"masks/2.png", Image("mask.png")}})) {
    const auto info = InspectDatasetFile(packed.fd.get(), kPlenty);
    ASSERT_THAT(info, IsOk());
    EXPECT_THAT(ArraysOf(*info),
                ElementsAre("images uint8 [2, 40, 48, 3] IMAGE", "masks uint8 [2, 40, 48] MASK"));
    // By itself a mask is no input, but it may be made one.
    const auto images = Open(packed.fd.get(), Float({1, 40, 48, 1}));
    ASSERT_THAT(images, IsOk());
    EXPECT_THAT(images->used.bindings(0).arrays(), ElementsAre("images"));
    const auto both = Open(packed.fd.get(), Float({1, 40, 48, 4}),
                           "bindings { arrays: 'images' arrays: 'masks' }");
    ASSERT_THAT(both, IsOk());
    const auto values = Floats((*both->dataset->Get(1))[0]);
    const auto pixels = PixelsOf("colour.jpg", 3);
    const auto goldens = ReadGoldens("images/decoded.npz");
    for (size_t i = 0; i < pixels.size() / 3; ++i) {
      ASSERT_EQ(values[4 * i], pixels[3 * i]);
      ASSERT_EQ(values[4 * i + 3], Find(goldens, "mask.png").bytes[i]);
    }
  }
}

TEST(OpenDataset, ResizesMasksToTheNearestClass) {
  const UniqueFd zip =
      FileOf(ZipBytes({{"images/1.jpg", Image("grey.jpg")}, {"masks/1.png", Image("mask.png")}}));
  const auto mask = Open(zip.get(), Float({1, 20, 24}), "bindings { arrays: 'masks' }",
                         "resize { height: 20 width: 24 method: RESIZE_METHOD_NEAREST }");
  ASSERT_THAT(mask, IsOk());
  const auto goldens = ReadGoldens("images/decoded.npz");
  // Half of the size takes the pixel after the middle of each four.
  EXPECT_EQ(Floats((*mask->dataset->Get(0))[0])[25], Find(goldens, "mask.png").bytes[3 * 48 + 3]);
}

TEST(OpenDataset, NamesTheImageThatIsNone) {
  const struct {
    std::string bytes;
    const char* problem;
  } cases[] = {
      {"text", "'cat/x.jpg': it is neither a JPEG nor a PNG"},
      {"GIF89a and so on", "'cat/x.jpg': it is neither a JPEG nor a PNG"},
      {Image("colour.jpg").substr(0, 60), "'cat/x.jpg': it is cut off"},
  };
  for (const auto& test : cases) {
    for (const Packed& packed :
         InEveryFormat({{"cat/a.jpg", Image("grey.jpg")}, {"cat/x.jpg", test.bytes}})) {
      const auto info = InspectDatasetFile(packed.fd.get(), kPlenty);
      EXPECT_THAT(info, StatusIs(kInvalid, HasSubstr(test.problem))) << packed.format;
      EXPECT_EQ(ReasonOf(info.status()), "DATASET_MALFORMED");
    }
  }
  // Its pixels are looked at only when they are wanted.
  const UniqueFd zip = FileOf(ZipBytes({{"cat/x.jpg", Image("colour.jpg").substr(0, 1500)}}));
  const auto bound = Open(zip.get(), Float({1, 40, 48, 3}));
  ASSERT_THAT(bound, IsOk());
  EXPECT_THAT(bound->dataset->Get(0), StatusIs(kInvalid, HasSubstr("'cat/x.jpg': it is cut off")));
}

TEST(OpenDataset, FindsTheSameImageInAnotherArchive) {
  const auto sets = InEveryFormat(ClassFolders());
  std::set<std::string> digests;
  for (const Packed& packed : sets) {
    const auto bound = Open(packed.fd.get(), Float({1, 40, 48, 3}));
    ASSERT_THAT(bound, IsOk());
    for (int64_t i = 0; i < 3; ++i) digests.insert(*bound->dataset->ExampleDigest(i));
  }
  EXPECT_THAT(digests, SizeIs(3));
}

TEST(OpenDataset, GivesTheSameToManyThreads) {
  for (const Packed& packed : InEveryFormat(ClassFolders())) {
    const auto bound = Open(packed.fd.get(), Float({1, 10, 10, 3}));
    ASSERT_THAT(bound, IsOk());
    std::vector<Example> alone;
    for (int64_t i = 0; i < 3; ++i) alone.push_back(*bound->dataset->Get(i));
    const absl::Status status = ParallelFor(4, 60, [&](int i) -> absl::Status {
      ASSIGN_OR_RETURN(const Example example, bound->dataset->Get(i % 3));
      return example[0].bytes == alone[static_cast<size_t>(i % 3)][0].bytes
                 ? absl::OkStatus()
                 : absl::InternalError(absl::StrCat("example ", i % 3));
    });
    EXPECT_THAT(status, IsOk());
  }
}

TEST(OpenDataset, ReadsWhatTensorFlowWrites) {
  const UniqueFd file = OpenForReading(TestDataPath("images/examples.tfrecord")).value();
  const auto info = InspectDatasetFile(file.get(), kPlenty);
  ASSERT_THAT(info, IsOk());
  EXPECT_EQ(info->format(), "tfrecord");
  EXPECT_THAT(ArraysOf(*info),
              ElementsAre("boxes float32 [5, -1] LIST", "image/class/label int64 [5] UNSPECIFIED",
                          "image/class/text bytes [5] UNSPECIFIED",
                          "image/encoded uint8 [5, -1, -1, 3] IMAGE", "numbers float32 [5, 6] LIST",
                          "raw uint8 [5, 6] LIST", "tokens int64 [5, 6] LIST"));
  const auto images = Open(file.get(), Float({1, 24, 20, 3}));
  ASSERT_THAT(images, IsOk());
  EXPECT_THAT(images->dataset->labels(), ElementsAre(0, 1, 2, 0, 1));
  EXPECT_THAT(images->used.bindings(0).arrays(), ElementsAre("image/encoded"));

  const auto numbers = Open(file.get(), Float({1, 2, 3}), "bindings { arrays: 'numbers' }");
  ASSERT_THAT(numbers, IsOk());
  EXPECT_THAT(Floats((*numbers->dataset->Get(4))[0]),
              ElementsAre(4, 4.125, 4.25, 4.375, 4.5, 4.625));
  const auto raw = Open(file.get(), Float({1, 6}), "bindings { arrays: 'raw' }");
  ASSERT_THAT(raw, IsOk());
  EXPECT_THAT(Floats((*raw->dataset->Get(2))[0]), ElementsAre(20, 21, 22, 23, 24, 25));
  const auto tokens =
      Open(file.get(), {"x", schema::TensorType_INT32, {1, 6}}, "bindings { arrays: 'tokens' }");
  ASSERT_THAT(tokens, IsOk());
  int32_t values[6];
  std::memcpy(values, (*tokens->dataset->Get(0))[0].bytes.data(), sizeof(values));
  EXPECT_THAT(values, ElementsAre(-3, -2, -1, 0, 1, 2));

  EXPECT_THAT(Open(file.get(), Float({1, 6}), "bindings { arrays: 'boxes' }"),
              StatusIs(kInvalid, HasSubstr("'boxes' float32 [5, -1] is not of the same length")));
  EXPECT_THAT(Open(file.get(), Float({1, 6}), "bindings { arrays: 'image/class/text' }"),
              StatusIs(kInvalid, HasSubstr("holds no numbers")));
}

TEST(OpenDataset, ChecksTheSumsOfRecords) {
  const std::string whole = TestFile("images/examples.tfrecord");
  int refused = 0;
  for (size_t place = 0; place < whole.size(); place += 3) {
    std::string damaged = whole;
    damaged[place] = static_cast<char>(damaged[place] ^ 0x10);
    const UniqueFd file = FileOf(damaged);
    refused += InspectDatasetFile(file.get(), kPlenty).ok() ? 0 : 1;
  }
  EXPECT_EQ(refused, static_cast<int>((whole.size() + 2) / 3));
  for (size_t size = 1; size < whole.size(); size += 37) {
    const UniqueFd file = FileOf(whole.substr(0, size));
    const auto info = InspectDatasetFile(file.get(), kPlenty);
    // Between two records nothing tells that there were more.
    if (info.ok()) {
      EXPECT_LT(info->arrays(0).shape(0), 5) << size;
    } else {
      EXPECT_THAT(info, StatusIs(kInvalid)) << size;
    }
  }
}

TEST(OpenDataset, NamesTheRecordAndFeatureThatAreWrong) {
  const std::string png = Image("grey.png");
  const auto bytes = [](absl::string_view value) { return Delimited(1, Delimited(1, value)); };
  const std::string one_float = Delimited(2, Delimited(1, std::string("\0\0\x80\x3f", 4)));
  const std::string good = ExampleBytes({{"i", bytes(png)}, {"f", one_float}});
  const struct {
    std::string record;
    const char* problem;
  } cases[] = {
      {"\xff\xff\xff", "record 1: it holds no tf.Example"},
      {Delimited(1, "\x0a\x7f"), "record 1: it holds no tf.Example"},
      {ExampleBytes({{"i", bytes("text")}, {"f", one_float}}),
       "record 1: feature 'i': it is neither a JPEG nor a PNG"},
      {ExampleBytes({{"i", bytes(png)}, {"f", bytes("text")}}),
       "record 1: feature 'f': it is of another kind"},
      {ExampleBytes({{"i", bytes(png)}, {"f", Delimited(2, Delimited(1, "abc"))}}),
       "record 1: feature 'f': it holds no tf.Example"},
      {ExampleBytes({{"f", one_float}}), "feature 'i': only 1 of 2 records have an image"},
      {ExampleBytes({{"\xff", one_float}}), "record 1: the name of a feature"},
  };
  for (const auto& test : cases) {
    const UniqueFd file = FileOf(RecordBytes(good) + RecordBytes(test.record));
    const auto info = InspectDatasetFile(file.get(), kPlenty);
    EXPECT_THAT(info, StatusIs(kInvalid, HasSubstr(test.problem)));
    EXPECT_EQ(ReasonOf(info.status()), "DATASET_MALFORMED");
  }
}

TEST(OpenDataset, ReadsListsThatAreNotPacked) {
  // Tag 0x08: a varint each; 0x0D: four bytes each.
  const std::string record =
      ExampleBytes({{"i", Delimited(3, "\x08\x05\x08\x07")},
                    {"f", Delimited(2, std::string("\x0D\0\0\x80\x3f", 5))}});
  const UniqueFd file = FileOf(RecordBytes(record));
  const auto ints =
      Open(file.get(), {"x", schema::TensorType_INT32, {1, 2}}, "bindings { arrays: 'i' }");
  ASSERT_THAT(ints, IsOk());
  EXPECT_THAT((*ints->dataset->Get(0))[0].bytes, ElementsAre(5, 0, 0, 0, 7, 0, 0, 0));
}

TEST(OpenDataset, StillReadsNpz) {
  const UniqueFd file = OpenForReading(TestDataPath("data/mnist.npz")).value();
  const auto info = InspectDatasetFile(file.get(), kPlenty);
  ASSERT_THAT(info, IsOk());
  EXPECT_EQ(info->format(), "npz");
  EXPECT_THAT(Open(file.get(), Float({1, 28, 28}), "bindings { arrays: 'test_images' }"), IsOk());
}

TEST(OpenDataset, SaysWhatItReadsOfWhatItDoesNot) {
  const UniqueFd none = FileOf("not a data set");
  EXPECT_THAT(InspectDatasetFile(none.get(), kPlenty),
              StatusIs(kInvalid, AllOf(HasSubstr("this is no data set that is read"),
                                       HasSubstr("TFRecord"))));
  const UniqueFd empty = FileOf("");
  EXPECT_THAT(InspectDatasetFile(empty.get(), kPlenty), StatusIs(kInvalid));
  const UniqueFd text = FileOf(Gzipped("only text"));
  EXPECT_THAT(InspectDatasetFile(text.get(), kPlenty),
              StatusIs(kInvalid, HasSubstr("this is no tar.gz file")));
  const UniqueFd no_images = FileOf(TarBytes({{"a.txt", "text"}}));
  EXPECT_THAT(InspectDatasetFile(no_images.get(), kPlenty),
              StatusIs(kInvalid, HasSubstr("no images, JPEG or PNG")));
}

}  // namespace
}  // namespace octavo
