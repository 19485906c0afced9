#include "core/report/number_text.h"

#include <cmath>
#include <limits>

#include "core/report/chart_axis.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace octavo {
namespace {

TEST(NumberText, GroupsThousands) {
  EXPECT_EQ(GroupedText(0), "0");
  EXPECT_EQ(GroupedText(999), "999");
  EXPECT_EQ(GroupedText(-1000), "-1,000");
  EXPECT_EQ(GroupedText(-100), "-100");
  EXPECT_EQ(GroupedText(1234567890), "1,234,567,890");
}

TEST(NumberText, CountsBytesInThousands) {
  EXPECT_EQ(BytesText(999), "999 bytes");
  EXPECT_EQ(BytesText(25376), "25.4 KB");
  EXPECT_EQ(BytesText(999'999), "1.0 MB");
  EXPECT_EQ(BytesText(123'456'789), "123 MB");
}

TEST(NumberText, KeepsTheDigitsThatCount) {
  EXPECT_EQ(MillisecondsText(0.0086), "0.0086");
  EXPECT_EQ(MillisecondsText(0.01044), "0.0104");
  EXPECT_EQ(MillisecondsText(0.14), "0.140");
  EXPECT_EQ(MillisecondsText(4.397), "4.40");
  EXPECT_EQ(MillisecondsText(12.5), "12.5");
  EXPECT_EQ(MillisecondsText(230.99), "231");
  EXPECT_EQ(SignedText(-0.06), "−0.06");
  EXPECT_EQ(SignedText(0.0049), "0.00");
  EXPECT_EQ(SignedText(-0.0049), "0.00");
  EXPECT_EQ(SignedText(1.5), "+1.50");
  EXPECT_EQ(PercentText(0.97839), "97.84");
  EXPECT_EQ(RatioText(0.297), "0.297");
  EXPECT_EQ(RatioText(3.449), "3.45");
  EXPECT_EQ(RatioText(31.6), "31.6");
}

TEST(NumberText, SaysWhatIsNoFiniteDecibel) {
  EXPECT_EQ(DecibelText(41.75), "41.8");
  EXPECT_EQ(DecibelText(-3.25), "−3.2");
  EXPECT_EQ(DecibelText(std::numeric_limits<double>::infinity()), "∞");
  EXPECT_EQ(DecibelText(-std::numeric_limits<double>::infinity()), "−∞");
  EXPECT_EQ(DecibelText(std::nan("")), "–");
}

TEST(ChartAxis, PlacesValuesAndStandsRoundTicks) {
  const ChartAxis axis = ChartAxis::Linear(0, 94, 50, 450);
  EXPECT_DOUBLE_EQ(axis.Place(0), 50);
  EXPECT_DOUBLE_EQ(axis.Place(47), 250);
  std::vector<std::string> texts;
  for (const Tick& tick : axis.Ticks(5)) texts.push_back(tick.text);
  EXPECT_THAT(texts, testing::ElementsAre("0", "20", "40", "60", "80"));
  texts.clear();
  for (const Tick& tick : ChartAxis::Linear(97.41, 98.32, 0, 1).Ticks(5))
    texts.push_back(tick.text);
  EXPECT_THAT(texts, testing::ElementsAre("97.6", "97.8", "98.0", "98.2"));
  texts.clear();
  for (const Tick& tick : ChartAxis::Logarithmic(0.005, 0.4, 0, 1).Ticks(5))
    texts.push_back(tick.text);
  EXPECT_THAT(texts, testing::ElementsAre("0.005", "0.01", "0.02", "0.05", "0.1", "0.2"));
}

TEST(ChartAxis, HoldsASinglePoint) {
  for (const ChartAxis& axis :
       {ChartAxis::Linear(5, 5, 0, 100), ChartAxis::Linear(0, 0, 0, 100),
        ChartAxis::Logarithmic(0, 0, 0, 100), ChartAxis::Linear(1e300, 1e300, 0, 100)}) {
    EXPECT_TRUE(std::isfinite(axis.Place(5)));
    EXPECT_LE(axis.Ticks(5).size(), 50u);
  }
}

}  // namespace
}  // namespace octavo
