// Tables on a terminal.

#ifndef OCTAVO_CLIENT_CLI_TABLE_H_
#define OCTAVO_CLIENT_CLI_TABLE_H_

#include <string>
#include <vector>

#include "octavo/v1/report.pb.h"

namespace octavo {

// Rows of cells; the first row is the heading. Columns after the first are aligned to the right
// unless named in `left_columns`. Row `bold` (of the rows below the heading) stands out where
// `color`.
struct TableText {
  std::vector<std::vector<std::string>> rows;
  std::vector<int> left_columns;
  int bold = -1;
};
std::string RenderTable(const TableText& table, bool color);

// The report's variants, its warnings, verdict and recommendation.
std::string RenderReport(const v1::Report& report, bool color);

// Whether colour is wanted on standard output: a terminal, and no NO_COLOR in the environment.
bool ColorWanted();

// "85,372".
std::string GroupDigits(int64_t number);

}  // namespace octavo

#endif  // OCTAVO_CLIENT_CLI_TABLE_H_
