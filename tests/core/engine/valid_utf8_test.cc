#include "core/engine/valid_utf8.h"

#include <string>

#include "core/base/utf8.h"
#include "gmock/gmock.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "gtest/gtest.h"
#include "octavo/v1/report.pb.h"

namespace octavo {
namespace {

constexpr char kQuestion[] = "\xef\xbf\xbd";

TEST(ValidUtf8, KeepsWhatIsValid) {
  for (const std::string text :
       {"", "conv_2/Relu", "z\xc3\xa4hler", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xed\x9f\xbf",
        "\xee\x80\x80", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_EQ(ValidUtf8(text), text);
  }
}

TEST(ValidUtf8, ReplacesEachByteThatIsNot) {
  const std::string q = kQuestion;
  EXPECT_EQ(ValidUtf8("a\xff"
                      "b"),
            "a" + q + "b");
  EXPECT_EQ(ValidUtf8("\xc3"), q);                          // cut
  EXPECT_EQ(ValidUtf8("\xc0\xaf"), q + q);                  // longer than need be
  EXPECT_EQ(ValidUtf8("\xe0\x80\xaf"), q + q + q);          // the same
  EXPECT_EQ(ValidUtf8("\xed\xa0\x80"), q + q + q);          // a surrogate
  EXPECT_EQ(ValidUtf8("\xf4\x90\x80\x80"), q + q + q + q);  // beyond the last
  EXPECT_EQ(ValidUtf8("\xe2\x82z"), q + q + "z");
}

TEST(ValidUtf8, CorrectsAMessageSoThatItCanBeRead) {
  v1::Report report;
  report.mutable_model()->add_inputs()->set_name("in\xff");
  report.mutable_model()->set_description("\xff");
  v1::VariantReport& variant = *report.add_variants();
  variant.mutable_spec()->add_keep_float_tensors("\xfe");
  variant.mutable_spec()->set_name("int8");
  MakeValidUtf8(report);
  v1::Report read;
  ASSERT_TRUE(read.ParseFromString(report.SerializeAsString()));
  EXPECT_EQ(read.model().inputs(0).name(), std::string("in") + kQuestion);
  EXPECT_EQ(read.variants(0).spec().keep_float_tensors(0), kQuestion);
  EXPECT_EQ(read.variants(0).spec().name(), "int8");
}

TEST(ValidUtf8, LeavesOutDetailsThatCannotBeRead) {
  google::rpc::Status status;
  google::rpc::ErrorInfo good, bad;
  good.set_reason("GOOD");
  (*bad.mutable_metadata())["tensor"] = "\xff";
  status.add_details()->PackFrom(bad);
  status.add_details()->PackFrom(good);
  status.add_details()->PackFrom(bad);
  MakeValidUtf8(status);
  ASSERT_EQ(status.details_size(), 1);
  google::rpc::ErrorInfo left;
  ASSERT_TRUE(status.details(0).UnpackTo(&left));
  EXPECT_EQ(left.reason(), "GOOD");
}

}  // namespace
}  // namespace octavo
