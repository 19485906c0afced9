#include "client/cli/resource_name.h"

#include <gtest/gtest.h>

#include <string>

namespace octavo {
namespace {

TEST(IsServerResource, IsANameWithAnId) {
  EXPECT_TRUE(IsServerResource("models/abcdefghijklmnopqrstuvwx27", "models"));
  EXPECT_TRUE(IsServerResource("datasets/zzzzzzzzzzzzzzzzzzzzzzzzzz", "datasets"));
}

TEST(IsServerResource, IsNoFileInAFolderOfThatName) {
  for (const char* path :
       {"models/digits.tflite", "models/", "models", "", "./models/abcdefghijklmnopqrstuvwx27",
        "models/abcdefghijklmnopqrstuvwx2",    // 25
        "models/abcdefghijklmnopqrstuvwx277",  // 27
        "models/abcdefghijklmnopqrstuvwx18",   // no 1, no 8
        "models/ABCDEFGHIJKLMNOPQRSTUVWX27", "datasets/abcdefghijklmnopqrstuvwx27"}) {
    EXPECT_FALSE(IsServerResource(path, "models")) << path;
  }
}

}  // namespace
}  // namespace octavo
