// A job's progress as it is shown while one waits, whoever runs it: a server or an engine here.

#ifndef OCTAVO_CLIENT_CLI_JOB_DISPLAY_H_
#define OCTAVO_CLIENT_CLI_JOB_DISPLAY_H_

#include "client/cli/progress_display.h"
#include "octavo/v1/jobs.pb.h"
#include "octavo/v1/report.pb.h"

namespace octavo {

class JobDisplay {
 public:
  void Show(const v1::JobEvent& event);
  void Show(const v1::JobProgress& progress);
  void Show(const v1::VariantReport& variant);
  ProgressDisplay& progress() { return progress_; }

 private:
  ProgressDisplay progress_;
};

}  // namespace octavo

#endif  // OCTAVO_CLIENT_CLI_JOB_DISPLAY_H_
