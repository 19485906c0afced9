// Damaged files of real models: whatever is read is whole, and goes through every pass without
// harm.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "core/graph/fix_shapes.h"
#include "core/graph/passes.h"
#include "core/tflite/model_reader.h"
#include "core/tflite/model_writer.h"
#include "core/tflite/schema_generated.h"
#include "tests/testing/fixtures.h"
#include "tests/testing/long_run.h"
#include "tests/testing/status_matchers.h"

namespace octavo {
namespace {

// A shape or an index is worth more than a weight: half of the damage goes to words that look like
// small numbers.
void Mutate(std::vector<uint8_t>& file, std::mt19937& random) {
  const auto below = [&](size_t count) { return random() % count; };
  if (below(2) == 0) {
    file[below(file.size())] = static_cast<uint8_t>(random());
    return;
  }
  for (int attempt = 0; attempt < 1000; ++attempt) {
    const size_t word = below(file.size() / 4) * 4;
    if (file[word + 1] != 0 || file[word + 2] != 0 || file[word + 3] != 0) continue;
    constexpr uint32_t kValues[] = {0,   1,     2,          3,          7,          64,
                                    255, 65536, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffffff0};
    const uint32_t value = kValues[below(std::size(kValues))];
    for (int i = 0; i < 4; ++i) file[word + i] = static_cast<uint8_t>(value >> (8 * i));
    return;
  }
}

class Mutated : public ::testing::TestWithParam<const char*> {};

TEST_P(Mutated, FilesAreReadOrRefused) {
  const FileBytes original = FixtureBytes(GetParam());
  // Tables come before the constants in these files: most of the damage goes there.
  const auto* model = schema::GetModel(original->data());
  ASSERT_NE(model, nullptr);
  const uint32_t seed = 20'240'611;
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  const int num_rounds = Rounds(2000, 20'000);
  int num_read = 0;
  int num_fixed = 0;
  for (int round = 0; round < num_rounds; ++round) {
    std::vector<uint8_t> file = *original;
    const int num_mutations = 1 + static_cast<int>(random() % 3);
    for (int i = 0; i < num_mutations; ++i) Mutate(file, random);
    const auto read = ReadModel(ToFile(file));
    if (!read.ok()) {
      EXPECT_THAT(read, HasReason("MODEL_MALFORMED"));
      continue;
    }
    ++num_read;
    (void)CheckSupported(*read);
    num_fixed += FixShapes(*read).ok();
    const auto folded = FoldGraph(*read);
    ASSERT_THAT(folded, IsOk());
    const auto written = WriteModel(*folded);
    ASSERT_THAT(written, IsOk());
    EXPECT_THAT(ReadModel(ToFile(*written)), IsOk());
  }
  EXPECT_GT(num_read, 100);
  EXPECT_GT(num_fixed, 50);
}

INSTANTIATE_TEST_SUITE_P(Fixtures, Mutated,
                         ::testing::Values("reference/hard_bias/int8.tflite",
                                           "reference/mnist_cnn/int8_uint8_io.tflite",
                                           "reference/hard_zoo_layers/aeq_static_wi8_ai8.tflite"),
                         [](const auto& info) { return "Model" + std::to_string(info.index); });

}  // namespace
}  // namespace octavo
