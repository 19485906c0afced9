// Rows for tests of whatever stands on a store.

#ifndef OCTAVO_TESTS_SERVER_TESTING_ROWS_H_
#define OCTAVO_TESTS_SERVER_TESTING_ROWS_H_

#include <string>

#include "absl/strings/str_cat.h"
#include "core/base/sha256.h"
#include "google/protobuf/util/time_util.h"
#include "octavo/v1/datasets.pb.h"
#include "octavo/v1/models.pb.h"
#include "server/store/metadata_store.h"
#include "server/store/random_id.h"

namespace octavo {

inline v1::Model ReadyModel(const std::string& digest = Sha256Hex("model"), int64_t create_us = 1) {
  v1::Model model;
  model.set_name("models/" + NewId());
  model.set_state(v1::Model::STATE_READY);
  model.set_digest(digest);
  *model.mutable_create_time() =
      google::protobuf::util::TimeUtil::MicrosecondsToTimestamp(create_us);
  return model;
}

inline v1::Dataset ReadyDataset(const std::string& digest = Sha256Hex("data"),
                                int64_t create_us = 1) {
  v1::Dataset dataset;
  dataset.set_name("datasets/" + NewId());
  dataset.set_state(v1::Dataset::STATE_READY);
  dataset.set_digest(digest);
  *dataset.mutable_create_time() =
      google::protobuf::util::TimeUtil::MicrosecondsToTimestamp(create_us);
  return dataset;
}

inline JobRecord PendingJob(int64_t create_us = 1, const std::string& model = "models/m") {
  JobRecord record;
  record.job.set_name("jobs/" + NewId());
  record.job.set_state(v1::Job::STATE_PENDING);
  record.job.mutable_spec()->set_model(model);
  *record.job.mutable_create_time() =
      google::protobuf::util::TimeUtil::MicrosecondsToTimestamp(create_us);
  return record;
}

}  // namespace octavo

#endif  // OCTAVO_TESTS_SERVER_TESTING_ROWS_H_
