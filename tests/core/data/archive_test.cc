#include "core/data/archive.h"

#include <map>

#include "absl/status/status_matchers.h"
#include "absl/strings/str_cat.h"
#include "core/base/error_reason.h"
#include "core/base/status_macros.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/data/tar_bytes.h"
#include "tests/core/data/zip_bytes.h"

namespace octavo {
namespace {

using ::absl_testing::IsOk;
using ::absl_testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr int64_t kPlenty = int64_t{1} << 30;

absl::StatusOr<bool> Keep(const ArchivedFile&, ReadStart read_start) {
  RETURN_IF_ERROR(read_start(3).status());
  RETURN_IF_ERROR(read_start(5).status());
  return true;
}

absl::StatusOr<Archive> Open(int fd, ArchiveFormat format, int64_t max_held_bytes = kPlenty) {
  return Archive::Open(fd, format, {.max_held_bytes = max_held_bytes}, &Keep);
}

std::map<std::string, std::string> Contents(const Archive& archive) {
  std::map<std::string, std::string> contents;
  for (const ArchivedFile& file : archive.files()) {
    const auto bytes = archive.Read(file);
    contents[file.path] = bytes.ok() ? std::string(bytes->begin(), bytes->end())
                                     : std::string(bytes.status().message());
  }
  return contents;
}

struct Packed {
  ArchiveFormat format;
  std::string bytes;
};

// The same files in every format.
std::vector<Packed> InEveryFormat(const std::vector<TarEntry>& files) {
  std::vector<ZipEntry> stored, deflated;
  for (const TarEntry& file : files) {
    stored.push_back({file.name, file.bytes});
    deflated.push_back({file.name, file.bytes, true});
  }
  const std::string tar = TarBytes(files);
  return {{ArchiveFormat::kZip, ZipBytes(stored)},
          {ArchiveFormat::kZip, ZipBytes(deflated)},
          {ArchiveFormat::kTar, tar},
          {ArchiveFormat::kTarGz, Gzipped(tar)}};
}

TEST(Archive, GivesTheFilesOfEveryFormat) {
  const std::string large(100'000, 'x');
  for (const Packed& packed : InEveryFormat({{"./root/a", "alpha"},
                                             {"root//b.txt", large},
                                             {"root\\c", "c"},
                                             {"root/.DS_Store", "hidden"},
                                             {"__MACOSX/root/._a", "hidden"},
                                             {"root/empty", ""}})) {
    const UniqueFd fd = FileOf(packed.bytes);
    const auto archive = Open(fd.get(), packed.format);
    ASSERT_THAT(archive, IsOk());
    EXPECT_THAT(Contents(*archive), ElementsAre(Pair("root/a", "alpha"), Pair("root/b.txt", large),
                                                Pair("root/c", "c"), Pair("root/empty", "")));
    EXPECT_EQ(archive->held_bytes(),
              packed.format == ArchiveFormat::kTarGz ? int64_t{5 + 100'000 + 1} : 0);
  }
}

TEST(Archive, RefusesPathsThatLeadOutOfIt) {
  for (const char* path : {"../a", "a/../../b", "/etc/passwd", "..\\a", "C:\\a", "C:/a", "a/.."}) {
    for (const Packed& packed : InEveryFormat({{path, "x"}})) {
      const UniqueFd fd = FileOf(packed.bytes);
      const auto archive = Open(fd.get(), packed.format);
      EXPECT_THAT(archive, StatusIs(kInvalid)) << path;
      EXPECT_EQ(ReasonOf(archive.status()), "DATASET_MALFORMED");
    }
  }
}

TEST(Archive, RefusesNamesThatAreThereTwice) {
  for (const Packed& packed : InEveryFormat({{"a/b", "x"}, {"./a/b", "y"}})) {
    const UniqueFd fd = FileOf(packed.bytes);
    EXPECT_THAT(Open(fd.get(), packed.format),
                StatusIs(kInvalid, HasSubstr("'a/b' is there twice")));
  }
}

TEST(Archive, RefusesLinksAndDevices) {
  for (const char type : {'1', '2', '3', '4', '6'}) {
    const std::string tar = TarBytes({{"a.jpg", "x"}, {"b.jpg", "", type, "a.jpg"}});
    for (const bool is_gzipped : {false, true}) {
      const UniqueFd fd = FileOf(is_gzipped ? Gzipped(tar) : tar);
      EXPECT_THAT(Open(fd.get(), is_gzipped ? ArchiveFormat::kTarGz : ArchiveFormat::kTar),
                  StatusIs(kInvalid, HasSubstr("'b.jpg': it is a link or a device")))
          << type;
    }
  }
}

TEST(Archive, ReadsNamesOfAnyLanguage) {
  const UniqueFd pax = FileOf(TarBytes({PaxPath("katze/\xC3\xA4.jpg"), {"short", "x"}}));
  const auto archive = Open(pax.get(), ArchiveFormat::kTar);
  ASSERT_THAT(archive, IsOk());
  EXPECT_THAT(Contents(*archive), ElementsAre(Pair("katze/\xC3\xA4.jpg", "x")));
  const UniqueFd raw = FileOf(TarBytes({{"katze/\xC3\xA4.jpg", "x"}}));
  const auto plain = Open(raw.get(), ArchiveFormat::kTar);
  ASSERT_THAT(plain, IsOk());
  EXPECT_THAT(Contents(*plain), ElementsAre(Pair("katze/\xC3\xA4.jpg", "x")));
  const UniqueFd latin = FileOf(TarBytes({{"katze/\xE4.jpg", "x"}}));
  EXPECT_THAT(Open(latin.get(), ArchiveFormat::kTar), StatusIs(kInvalid, HasSubstr("in UTF-8")));
}

TEST(Archive, HoldsNoMoreThanItMay) {
  const std::string tar = TarBytes({{"a", std::string(600, 'a')}, {"b", std::string(600, 'b')}});
  const UniqueFd gz = FileOf(Gzipped(tar));
  const auto archive = Open(gz.get(), ArchiveFormat::kTarGz, 1000);
  EXPECT_THAT(archive, StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("'b'")));
  EXPECT_EQ(ReasonOf(archive.status()), "DATASET_TOO_LARGE");
  EXPECT_THAT(Archive::Open(gz.get(), ArchiveFormat::kTarGz, {.only_lists = true}, &Keep), IsOk());
  const UniqueFd plain = FileOf(tar);
  EXPECT_THAT(Open(plain.get(), ArchiveFormat::kTar, 0), IsOk());
}

TEST(Archive, RefusesFilesThatLie) {
  const std::string bytes(5000, 'x');
  const struct {
    ZipEntry entry;
    const char* problem;
  } cases[] = {
      {{"a", bytes, true, 300'000'000}, "it claims 300000000 bytes"},
      {{"a", bytes, true, {}, {}, {}, 1}, "it is encrypted"},
  };
  for (const auto& test : cases) {
    const UniqueFd fd = FileOf(ZipBytes({test.entry}));
    EXPECT_THAT(Open(fd.get(), ArchiveFormat::kZip), StatusIs(kInvalid, HasSubstr(test.problem)));
  }
  // What shows only when it is unpacked.
  const UniqueFd fd = FileOf(ZipBytes({{"longer", bytes, true, 6000},
                                       {"sum", bytes, true, {}, {}, 5},
                                       {"stored", bytes, false, {}, {}, 5}}));
  const auto archive = Open(fd.get(), ArchiveFormat::kZip);
  ASSERT_THAT(archive, IsOk());
  EXPECT_THAT(Contents(*archive), ElementsAre(Pair("longer", "'longer': it is cut off"),
                                              Pair("stored", "'stored': its bytes are damaged"),
                                              Pair("sum", "'sum': its bytes are damaged")));
}

TEST(Archive, RefusesBombs) {
  // Of so many packed bytes deflate can make what is claimed.
  std::string noise;
  for (uint32_t state = 1; noise.size() < 300'000; state = state * 1664525 + 1013904223) {
    noise.push_back(static_cast<char>(state >> 24));
  }
  const UniqueFd zip = FileOf(ZipBytes({{"a.png", noise, true, 300'000'000}}));
  EXPECT_THAT(Open(zip.get(), ArchiveFormat::kZip),
              StatusIs(kInvalid, HasSubstr("'a.png': it is 300000000 bytes")));
  const UniqueFd gz = FileOf(Gzipped(TarBytes({{"readme", "x", '0', "", 300'000'000}})));
  EXPECT_THAT(Open(gz.get(), ArchiveFormat::kTarGz),
              StatusIs(kInvalid, HasSubstr("'readme': it is 300000000 bytes")));
  // Many that are not too large by themselves.
  std::vector<TarEntry> zeros(100, {"readme", std::string(1'000'000, '\0')});
  const UniqueFd many = FileOf(Gzipped(TarBytes(zeros)));
  EXPECT_THAT(Open(many.get(), ArchiveFormat::kTarGz),
              StatusIs(kInvalid, HasSubstr("more than 64 times its size")));
  // What is left out is unpacked on the way.
  for (TarEntry& file : zeros) file.name = "root/.hidden";
  const UniqueFd hidden = FileOf(Gzipped(TarBytes(zeros)));
  EXPECT_THAT(Open(hidden.get(), ArchiveFormat::kTarGz),
              StatusIs(kInvalid, HasSubstr("'root/.hidden': with it the archive has more than 64 "
                                           "times its size")));
}

TEST(Archive, RefusesOrSurvivesEveryTruncation) {
  for (const Packed& packed : InEveryFormat({{"a", std::string(700, 'a')}, {"b", "bb"}})) {
    for (size_t size = 1; size < packed.bytes.size(); size += 13) {
      const UniqueFd fd = FileOf(packed.bytes.substr(0, size));
      const auto archive = Open(fd.get(), packed.format);
      // A tar has no directory: cut off between two files it is a shorter one.
      if (!archive.ok()) {
        EXPECT_THAT(archive, StatusIs(kInvalid)) << size;
      } else {
        EXPECT_NE(packed.format, ArchiveFormat::kZip) << size;
        for (const auto& [path, bytes] : Contents(*archive)) {
          EXPECT_EQ(bytes, path == "a" ? std::string(700, 'a') : "bb") << size;
        }
      }
    }
  }
}

TEST(Archive, SurvivesEveryDamagedByte) {
  for (const Packed& packed : InEveryFormat({{"a", std::string(300, 'a')}, {"b", "bb"}})) {
    for (size_t place = 0; place < packed.bytes.size(); ++place) {
      std::string damaged = packed.bytes;
      damaged[place] = static_cast<char>(damaged[place] ^ 0x41);
      const UniqueFd fd = FileOf(damaged);
      const auto archive = Open(fd.get(), packed.format, 10'000);
      if (archive.ok()) (void)Contents(*archive);
    }
  }
}

}  // namespace
}  // namespace octavo
