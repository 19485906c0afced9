#include "core/data/image_layout.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "core/base/status_macros.h"
#include "core/data/dataset_error.h"

namespace octavo {
namespace {

constexpr size_t kMaxClasses = 1 << 16;
constexpr absl::string_view kImages = "images";
constexpr absl::string_view kMasks = "masks";

// A folder's files: places by name, in the order of the names.
using Folder = std::map<std::string, int64_t>;

// "root/" where every path begins with it, else nothing.
absl::string_view CommonFolder(std::span<const std::string> paths) {
  const size_t slash = paths[0].find('/');
  if (slash == std::string::npos) return "";
  const absl::string_view folder = absl::string_view(paths[0]).substr(0, slash + 1);
  const bool is_common = std::ranges::all_of(
      paths, [&](const std::string& path) { return absl::StartsWith(path, folder); });
  return is_common ? folder : "";
}

// The files of each folder; of none: "".
absl::StatusOr<std::map<std::string, Folder>> Folders(std::span<const std::string> paths) {
  const size_t begin = CommonFolder(paths).size();
  std::map<std::string, Folder> folders;
  for (size_t place = 0; place < paths.size(); ++place) {
    const std::string rest = paths[place].substr(begin);
    const size_t slash = rest.find('/');
    const std::string folder = slash == std::string::npos ? "" : rest.substr(0, slash);
    const std::string name = slash == std::string::npos ? rest : rest.substr(slash + 1);
    if (absl::StrContains(name, '/')) {
      return MalformedDataset(absl::StrCat("'", paths[place],
                                           "' lies too deep: images lie in CLASS/NAME, in images/ "
                                           "and masks/, or in no folder"));
    }
    folders[folder].emplace(name, static_cast<int64_t>(place));
    const bool is_mixed = folders.size() > 1 && folders.contains("");
    if (is_mixed) {
      return MalformedDataset(
          absl::StrCat("'", paths[place], "': some images lie in folders and others do not"));
    }
  }
  return folders;
}

std::string Stem(const std::string& name) { return name.substr(0, name.rfind('.')); }

absl::StatusOr<Folder> ByStem(const Folder& folder, std::span<const std::string> paths) {
  Folder by_stem;
  for (const auto& [name, place] : folder) {
    if (!by_stem.emplace(Stem(name), place).second) {
      return MalformedDataset(
          absl::StrCat("'", paths[static_cast<size_t>(place)], "' is there twice"));
    }
  }
  return by_stem;
}

absl::StatusOr<ImageLayout> Paired(const Folder& image_files, const Folder& mask_files,
                                   std::span<const std::string> paths) {
  ASSIGN_OR_RETURN(const Folder images, ByStem(image_files, paths));
  ASSIGN_OR_RETURN(const Folder masks, ByStem(mask_files, paths));
  const auto alone = [&](int64_t place, absl::string_view other) {
    return MalformedDataset(
        absl::StrCat("'", paths[static_cast<size_t>(place)], "' has no ", other));
  };
  ImageLayout layout;
  for (const auto& [stem, place] : images) {
    const auto mask = masks.find(stem);
    if (mask == masks.end()) return alone(place, "mask");
    layout.images.push_back(place);
    layout.masks.push_back(mask->second);
  }
  for (const auto& [stem, place] : masks) {
    if (!images.contains(stem)) return alone(place, "image");
  }
  return layout;
}

absl::StatusOr<ImageLayout> Classified(const std::map<std::string, Folder>& folders) {
  if (folders.size() > kMaxClasses) {
    return MalformedDataset(absl::StrCat("it has more than ", kMaxClasses, " class folders"));
  }
  // By the place in its class, then by the class.
  std::vector<std::pair<std::pair<int64_t, int64_t>, int64_t>> order;
  ImageLayout layout;
  for (const auto& [name, files] : folders) {
    const auto label = static_cast<int64_t>(layout.class_names.size());
    layout.class_names.push_back(name);
    int64_t rank = 0;
    for (const auto& [file, place] : files) order.push_back({{rank++, label}, place});
  }
  std::ranges::sort(order);
  for (const auto& [rank_and_label, place] : order) {
    layout.images.push_back(place);
    layout.labels.push_back(rank_and_label.second);
  }
  return layout;
}

}  // namespace

absl::StatusOr<ImageLayout> LayOutImages(std::span<const std::string> paths) {
  if (paths.empty()) return MalformedDataset("it holds no images, JPEG or PNG");
  ASSIGN_OR_RETURN(const auto folders, Folders(paths));
  const auto flat = folders.find("");
  if (flat != folders.end()) {
    ImageLayout layout;
    for (const auto& [name, place] : flat->second) layout.images.push_back(place);
    return layout;
  }
  const auto images = folders.find(std::string(kImages));
  const auto masks = folders.find(std::string(kMasks));
  if (images == folders.end() || masks == folders.end()) return Classified(folders);
  for (const auto& [name, files] : folders) {
    if (name == kImages || name == kMasks) continue;
    return MalformedDataset(absl::StrCat("beside images/ and masks/ there is '", name, "/'"));
  }
  return Paired(images->second, masks->second, paths);
}

}  // namespace octavo
