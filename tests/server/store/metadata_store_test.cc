// The suite that every implementation of MetadataStore passes.

#include "server/store/metadata_store.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status_matchers.h"
#include "absl/strings/str_cat.h"
#include "core/base/error_reason.h"
#include "core/base/sha256.h"
#include "core/base/status_macros.h"
#include "gmock/gmock.h"
#include "google/protobuf/util/message_differencer.h"
#include "google/protobuf/util/time_util.h"
#include "gtest/gtest.h"
#include "server/store/random_id.h"
#include "server/store/sqlite_store.h"
#include "tests/server/testing/rows.h"
#include "tests/server/testing/temporary_folder.h"

namespace octavo {
namespace {

using ::absl_testing::IsOk;
using ::absl_testing::IsOkAndHolds;
using ::absl_testing::StatusIs;
using ::google::protobuf::util::MessageDifferencer;
using ::google::protobuf::util::TimeUtil;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

struct Backend {
  std::string name;
  std::function<std::unique_ptr<MetadataStore>(const std::string& folder)> open;
};

class MetadataStoreTest : public ::testing::TestWithParam<Backend> {
 protected:
  MetadataStoreTest() : store_(GetParam().open(folder_.path())) {}

  template <typename Body>
  absl::Status Write(const Body& body) {
    return store_->Write([&](StoreWriter& writer) -> absl::Status { return body(writer); });
  }
  // What one read gives.
  template <typename Body>
  auto Read(const Body& body) {
    using Result = decltype(body(std::declval<StoreReader&>()));
    Result result = absl::UnknownError("not read");
    const absl::Status status = store_->Read([&](StoreReader& reader) -> absl::Status {
      result = body(reader);
      return result.status();
    });
    EXPECT_EQ(status, result.status());
    return result;
  }

  void Reopen() {
    store_.reset();
    store_ = GetParam().open(folder_.path());
  }

  TemporaryFolder folder_;
  std::unique_ptr<MetadataStore> store_;
};

v1::Upload OpenUpload(int64_t expire_us) {
  v1::Upload upload;
  upload.set_name("uploads/" + NewId());
  upload.set_state(v1::Upload::STATE_OPEN);
  *upload.mutable_expire_time() = TimeUtil::MicrosecondsToTimestamp(expire_us);
  return upload;
}

TEST_P(MetadataStoreTest, GivesBackWhatWasPutAlsoAfterReopening) {
  v1::Upload upload = OpenUpload(5);
  v1::Model model = ReadyModel();
  model.mutable_info()->set_format("tflite");
  const v1::Dataset dataset = ReadyDataset();
  ASSERT_THAT(Write([&](StoreWriter& writer) -> absl::Status {
                RETURN_IF_ERROR(writer.PutUpload(upload));
                RETURN_IF_ERROR(writer.PutModel(model));
                return writer.PutDataset(dataset);
              }),
              IsOk());
  upload.set_committed_bytes(77);
  ASSERT_THAT(Write([&](StoreWriter& writer) { return writer.PutUpload(upload); }), IsOk());
  Reopen();
  const auto found = Read([&](StoreReader& reader) { return reader.GetUpload(upload.name()); });
  ASSERT_THAT(found, IsOk());
  EXPECT_TRUE(MessageDifferencer::Equals(*found, upload));
  EXPECT_TRUE(MessageDifferencer::Equals(
      *Read([&](StoreReader& reader) { return reader.GetModel(model.name()); }), model));
  EXPECT_TRUE(MessageDifferencer::Equals(
      *Read([&](StoreReader& reader) { return reader.GetDataset(dataset.name()); }), dataset));
}

TEST_P(MetadataStoreTest, SaysNotFoundByName) {
  EXPECT_THAT(Read([](StoreReader& reader) { return reader.GetJob("jobs/x"); }),
              StatusIs(absl::StatusCode::kNotFound, "jobs/x: not found"));
  EXPECT_THAT(Read([](StoreReader& reader) { return reader.GetModel("models/' OR 1=1 --"); }),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST_P(MetadataStoreTest, DeletesAndDoesNotMindDeletingTwice) {
  const v1::Model model = ReadyModel();
  ASSERT_THAT(Write([&](StoreWriter& writer) { return writer.PutModel(model); }), IsOk());
  for (int i = 0; i < 2; ++i) {
    EXPECT_THAT(Write([&](StoreWriter& writer) { return writer.DeleteModel(model.name()); }),
                IsOk());
  }
  EXPECT_THAT(Read([&](StoreReader& reader) { return reader.GetModel(model.name()); }),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST_P(MetadataStoreTest, KeepsNothingOfAFailedTransaction) {
  const v1::Model model = ReadyModel();
  EXPECT_THAT(Write([&](StoreWriter& writer) -> absl::Status {
                RETURN_IF_ERROR(writer.PutModel(model));
                // Its own writes are seen within it.
                EXPECT_THAT(writer.GetModel(model.name()), IsOk());
                return absl::CancelledError("changed my mind");
              }),
              StatusIs(absl::StatusCode::kCancelled, "changed my mind"));
  EXPECT_THAT(Read([&](StoreReader& reader) { return reader.GetModel(model.name()); }),
              StatusIs(absl::StatusCode::kNotFound));
  // And the next one is not disturbed.
  EXPECT_THAT(Write([&](StoreWriter& writer) { return writer.PutModel(model); }), IsOk());
}

TEST_P(MetadataStoreTest, EndsAPageThatIsLarge) {
  const std::vector<size_t> sizes = {2 << 20, 2 << 20, 1 << 19, 1 << 19, 4 << 20, 1 << 10};
  for (size_t i = 0; i < sizes.size(); ++i) {
    v1::Model model = ReadyModel(Sha256Hex("m"), static_cast<int64_t>(100 - i));
    model.set_display_name(std::string(sizes[i], 'x'));
    ASSERT_THAT(Write([&](StoreWriter& writer) { return writer.PutModel(model); }), IsOk());
  }
  std::vector<size_t> items;
  PageRequest request;
  while (true) {
    const auto page = Read([&](StoreReader& reader) { return reader.ListModels(request); });
    ASSERT_THAT(page, IsOk());
    items.push_back(page->items.size());
    if (page->next_page_token.empty()) break;
    const auto next = ParsePageRequest(0, page->next_page_token);
    ASSERT_THAT(next, IsOk());
    request = *next;
  }
  // One of 2 MiB; 2 and twice a half; one above the limit alone; the rest.
  EXPECT_THAT(items, ElementsAre(1, 2, 1, 1, 1));
}

TEST_P(MetadataStoreTest, WritesNoRowThatItCouldNotReadAgain) {
  v1::Model model = ReadyModel();
  ASSERT_THAT(Write([&](StoreWriter& writer) { return writer.PutModel(model); }), IsOk());
  model.mutable_error()->set_message("half a character: \xc3");
  EXPECT_THAT(Write([&](StoreWriter& writer) { return writer.PutModel(model); }),
              StatusIs(absl::StatusCode::kInternal));
  EXPECT_THAT(Read([&](StoreReader& reader) { return reader.GetModel(model.name()); }), IsOk());
  model.mutable_error()->set_message("a whole one: \u00e4");
  EXPECT_THAT(Write([&](StoreWriter& writer) { return writer.PutModel(model); }), IsOk());
  EXPECT_THAT(Read([&](StoreReader& reader) { return reader.GetModel(model.name()); }), IsOk());
}

TEST_P(MetadataStoreTest, ReadsOneStateHoweverMuchIsWrittenMeanwhile) {
  const v1::Model model = ReadyModel();
  EXPECT_THAT(store_->Read([&](StoreReader& reader) -> absl::Status {
    EXPECT_THAT(reader.GetModel(model.name()), StatusIs(absl::StatusCode::kNotFound));
    std::thread([&] {
      EXPECT_THAT(Write([&](StoreWriter& writer) { return writer.PutModel(model); }), IsOk());
    }).join();
    EXPECT_THAT(reader.GetModel(model.name()), StatusIs(absl::StatusCode::kNotFound));
    return absl::OkStatus();
  }),
              IsOk());
  EXPECT_THAT(Read([&](StoreReader& reader) { return reader.GetModel(model.name()); }), IsOk());
}

TEST_P(MetadataStoreTest, LosesNoIncrementOfManyWriters) {
  JobRecord record = PendingJob();
  ASSERT_THAT(Write([&](StoreWriter& writer) { return writer.PutJob(record); }), IsOk());
  constexpr int kThreads = 8, kIncrements = 25;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < kIncrements; ++j) {
        EXPECT_THAT(Write([&](StoreWriter& writer) -> absl::Status {
                      ASSIGN_OR_RETURN(JobRecord found, writer.GetJob(record.job.name()));
                      ++found.own_failures;
                      return writer.PutJob(found);
                    }),
                    IsOk());
        EXPECT_THAT(Read([&](StoreReader& reader) { return reader.GetJob(record.job.name()); }),
                    IsOk());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(
      Read([&](StoreReader& reader) { return reader.GetJob(record.job.name()); })->own_failures,
      kThreads * kIncrements);
}

TEST_P(MetadataStoreTest, FindsExpiredUploadsOldestFirstAndCountsOpenOnes) {
  const v1::Upload early = OpenUpload(10), late = OpenUpload(20);
  v1::Upload complete = OpenUpload(15);
  complete.set_state(v1::Upload::STATE_COMPLETE);
  ASSERT_THAT(Write([&](StoreWriter& writer) -> absl::Status {
                RETURN_IF_ERROR(writer.PutUpload(late));
                RETURN_IF_ERROR(writer.PutUpload(complete));
                return writer.PutUpload(early);
              }),
              IsOk());
  const auto expired = [&](int64_t now_us, int limit) {
    std::vector<std::string> names;
    const auto uploads = Read([&](StoreReader& reader) {
      return reader.ListExpiredUploads(absl::FromUnixMicros(now_us), limit);
    });
    for (const v1::Upload& upload : *uploads) names.push_back(upload.name());
    return names;
  };
  EXPECT_THAT(expired(10, 9), IsEmpty());
  EXPECT_THAT(expired(16, 9), ElementsAre(early.name(), complete.name()));
  EXPECT_THAT(expired(99, 2), ElementsAre(early.name(), complete.name()));
  EXPECT_THAT(Read([](StoreReader& reader) { return reader.CountOpenUploads(); }), IsOkAndHolds(2));
}

TEST_P(MetadataStoreTest, PagesThroughAllNewestFirstWithoutGapOrRepeat) {
  const unsigned seed = std::random_device()();
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  std::mt19937 random(seed);
  constexpr int kModels = 57;
  ASSERT_THAT(Write([&](StoreWriter& writer) -> absl::Status {
                for (int i = 0; i < kModels; ++i) {
                  // Many at the same microsecond.
                  RETURN_IF_ERROR(writer.PutModel(ReadyModel(Sha256Hex("m"), random() % 9)));
                }
                return absl::OkStatus();
              }),
              IsOk());
  for (const int size : {1, 2, 7, 56, 57, 58, 500}) {
    std::set<std::string> names;
    int64_t last_us = INT64_MAX;
    std::string token;
    int pages = 0;
    do {
      const auto request = ParsePageRequest(size, token);
      ASSERT_THAT(request, IsOk());
      const auto page = Read([&](StoreReader& reader) { return reader.ListModels(*request); });
      ASSERT_THAT(page, IsOk());
      EXPECT_LE(static_cast<int>(page->items.size()), size);
      for (const v1::Model& model : page->items) {
        EXPECT_TRUE(names.insert(model.name()).second);
        const int64_t time_us = TimeUtil::TimestampToMicroseconds(model.create_time());
        EXPECT_LE(time_us, last_us);
        last_us = time_us;
      }
      token = page->next_page_token;
      ++pages;
    } while (!token.empty());
    EXPECT_THAT(names, SizeIs(kModels));
    EXPECT_EQ(pages, (kModels + size - 1) / size);
  }
}

TEST_P(MetadataStoreTest, GivesBackWholeJobRecords) {
  JobRecord record = PendingJob(42);
  record.last_event = 3;
  record.lease_token = "token";
  record.lease_expiry = absl::FromUnixMicros(1'234'567);
  record.own_failures = 1;
  record.other_failures = 19;
  record.model_digest = Sha256Hex("m");
  record.job.add_attempts()->set_worker("w/0");
  ASSERT_THAT(Write([&](StoreWriter& writer) { return writer.PutJob(record); }), IsOk());
  const auto found = Read([&](StoreReader& reader) { return reader.GetJob(record.job.name()); });
  ASSERT_THAT(found, IsOk());
  EXPECT_TRUE(MessageDifferencer::Equals(found->job, record.job));
  EXPECT_EQ(found->last_event, 3);
  EXPECT_EQ(found->lease_token, "token");
  EXPECT_EQ(found->lease_expiry, record.lease_expiry);
  EXPECT_EQ(found->own_failures, 1);
  EXPECT_EQ(found->other_failures, 19);
  EXPECT_EQ(found->model_digest, record.model_digest);
}

TEST_P(MetadataStoreTest, FindsTheLongestWaitingJobWhoseTimeHasCome) {
  JobRecord first = PendingJob(10), second = PendingJob(20), running = PendingJob(5);
  *first.job.mutable_retry_time() = TimeUtil::MicrosecondsToTimestamp(1000);
  running.job.set_state(v1::Job::STATE_RUNNING);
  ASSERT_THAT(Write([&](StoreWriter& writer) -> absl::Status {
                RETURN_IF_ERROR(writer.PutJob(second));
                RETURN_IF_ERROR(writer.PutJob(running));
                return writer.PutJob(first);
              }),
              IsOk());
  const auto next = [&](int64_t now_us) {
    const auto record = Read(
        [&](StoreReader& reader) { return reader.NextPendingJob(absl::FromUnixMicros(now_us)); });
    return record.ok() && *record ? (*record)->job.name() : "none";
  };
  EXPECT_EQ(next(999), second.job.name());
  EXPECT_EQ(next(1000), first.job.name());
  ASSERT_THAT(Write([&](StoreWriter& writer) -> absl::Status {
                RETURN_IF_ERROR(writer.DeleteJob(first.job.name()));
                return writer.DeleteJob(second.job.name());
              }),
              IsOk());
  EXPECT_EQ(next(2000), "none");
}

TEST_P(MetadataStoreTest, FiltersJobsByStateAndModelAndLeavesOutDetails) {
  JobRecord a = PendingJob(1, "models/a"), b = PendingJob(2, "models/b"),
            ended = PendingJob(3, "models/a");
  ended.job.set_state(v1::Job::STATE_FAILED);
  ended.job.add_attempts();
  ended.job.mutable_progress()->set_done(1);
  ended.job.add_artifacts()->set_file_name("a.tflite");
  ASSERT_THAT(Write([&](StoreWriter& writer) -> absl::Status {
                RETURN_IF_ERROR(writer.PutJob(a));
                RETURN_IF_ERROR(writer.PutJob(b));
                return writer.PutJob(ended);
              }),
              IsOk());
  const auto list = [&](JobFilter filter) {
    std::vector<std::string> names;
    const auto page =
        Read([&](StoreReader& reader) { return reader.ListJobs(filter, PageRequest()); });
    for (const v1::Job& job : page->items) {
      EXPECT_THAT(job.attempts(), IsEmpty());
      EXPECT_THAT(job.artifacts(), IsEmpty());
      EXPECT_FALSE(job.has_progress());
      names.push_back(job.name());
    }
    return names;
  };
  const std::string &an = a.job.name(), &bn = b.job.name(), &en = ended.job.name();
  EXPECT_THAT(list({}), ElementsAre(en, bn, an));
  EXPECT_THAT(list({.states = {}, .model = "models/a"}), ElementsAre(en, an));
  EXPECT_THAT(list({.states = {v1::Job::STATE_PENDING}, .model = ""}), ElementsAre(bn, an));
  EXPECT_THAT(
      list({.states = {v1::Job::STATE_PENDING, v1::Job::STATE_FAILED}, .model = "models/b"}),
      ElementsAre(bn));
  EXPECT_THAT(list({.states = {v1::Job::STATE_SUCCEEDED}, .model = ""}), IsEmpty());
}

TEST_P(MetadataStoreTest, FindsLeasesThatRanOut) {
  JobRecord record = PendingJob();
  record.job.set_state(v1::Job::STATE_RUNNING);
  record.lease_expiry = absl::FromUnixMicros(100);
  ASSERT_THAT(Write([&](StoreWriter& writer) { return writer.PutJob(record); }), IsOk());
  const auto expired = [&](absl::Time now) {
    return Read([&](StoreReader& reader) { return reader.ListExpiredLeases(now, 10); })->size();
  };
  EXPECT_EQ(expired(absl::FromUnixMicros(100)), 0);
  EXPECT_EQ(expired(absl::FromUnixMicros(101)), 1);
  EXPECT_EQ(expired(absl::InfiniteFuture()), 1);
}

TEST_P(MetadataStoreTest, CountsJobsByState) {
  JobRecord failed = PendingJob(1);
  failed.job.set_state(v1::Job::STATE_FAILED);
  ASSERT_THAT(Write([&](StoreWriter& writer) -> absl::Status {
                RETURN_IF_ERROR(writer.PutJob(PendingJob(30)));
                RETURN_IF_ERROR(writer.PutJob(PendingJob(20)));
                return writer.PutJob(failed);
              }),
              IsOk());
  const auto counts = Read([](StoreReader& reader) { return reader.CountJobs(); });
  ASSERT_THAT(counts, IsOk());
  EXPECT_EQ(counts->jobs.at(v1::Job::STATE_PENDING), 2);
  EXPECT_EQ(counts->jobs.at(v1::Job::STATE_FAILED), 1);
  EXPECT_EQ(counts->oldest_pending, absl::FromUnixMicros(20));
  EXPECT_THAT(Read([](StoreReader& r) { return r.CountJobsIn(v1::Job::STATE_PENDING); }),
              IsOkAndHolds(2));
  EXPECT_THAT(Read([](StoreReader& r) { return r.CountJobsIn(v1::Job::STATE_RUNNING); }),
              IsOkAndHolds(0));
}

TEST_P(MetadataStoreTest, KnowsWhatUnendedJobsUse) {
  JobRecord record = PendingJob(1, "models/used");
  record.job.mutable_spec()->mutable_calibration()->set_dataset("datasets/c");
  record.job.mutable_spec()->mutable_evaluation()->set_dataset("datasets/e");
  const auto in_use = [&](const std::string& name) {
    return *Read([&](StoreReader& reader) { return reader.IsInUse(name); });
  };
  ASSERT_THAT(Write([&](StoreWriter& writer) { return writer.PutJob(record); }), IsOk());
  for (const char* name : {"models/used", "datasets/c", "datasets/e"}) EXPECT_TRUE(in_use(name));
  EXPECT_FALSE(in_use("models/other"));
  EXPECT_FALSE(in_use(""));
  record.job.set_state(v1::Job::STATE_CANCELLED);
  ASSERT_THAT(Write([&](StoreWriter& writer) { return writer.PutJob(record); }), IsOk());
  EXPECT_FALSE(in_use("models/used"));
}

TEST_P(MetadataStoreTest, ListsEventsAboveANumberAndRefusesTheSameNumberTwice) {
  const JobRecord record = PendingJob();
  const auto event = [](int64_t number) {
    v1::JobEvent event;
    event.set_number(number);
    return event;
  };
  ASSERT_THAT(Write([&](StoreWriter& writer) -> absl::Status {
                RETURN_IF_ERROR(writer.PutJob(record));
                for (int64_t i = 1; i <= 5; ++i) {
                  RETURN_IF_ERROR(writer.InsertEvent(record.job.name(), event(i)));
                }
                return absl::OkStatus();
              }),
              IsOk());
  const auto numbers = [&](int64_t after, int limit) {
    std::vector<int64_t> found;
    const auto events = Read(
        [&](StoreReader& reader) { return reader.ListEvents(record.job.name(), after, limit); });
    for (const v1::JobEvent& listed : *events) found.push_back(listed.number());
    return found;
  };
  EXPECT_THAT(numbers(0, 99), ElementsAre(1, 2, 3, 4, 5));
  EXPECT_THAT(numbers(3, 1), ElementsAre(4));
  EXPECT_THAT(numbers(5, 99), IsEmpty());
  EXPECT_THAT(
      Write([&](StoreWriter& writer) { return writer.InsertEvent(record.job.name(), event(3)); }),
      StatusIs(absl::StatusCode::kAlreadyExists));
  EXPECT_THAT(Write([&](StoreWriter& writer) { return writer.InsertEvent("jobs/none", event(1)); }),
              StatusIs(absl::StatusCode::kInternal));
}

TEST_P(MetadataStoreTest, DeletesAJobWithAllThatIsItsOwn) {
  JobRecord record = PendingJob();
  const std::string digest = Sha256Hex("artifact"), kept = Sha256Hex("finished");
  const std::string& name = record.job.name();
  record.job.add_artifacts()->set_digest(digest);
  record.job.mutable_artifacts(0)->set_file_name("int8.tflite");
  v1::VariantReport variant;
  variant.mutable_spec()->set_name("int8");
  variant.mutable_artifact()->set_digest(kept);
  ASSERT_THAT(Write([&](StoreWriter& writer) -> absl::Status {
                RETURN_IF_ERROR(writer.PutJob(record));
                v1::JobEvent event;
                event.set_number(1);
                RETURN_IF_ERROR(writer.InsertEvent(name, event));
                RETURN_IF_ERROR(writer.PutReport(name, v1::Report()));
                RETURN_IF_ERROR(writer.PutFinishedVariant(name, variant));
                return writer.InsertRequest("jobs", "r", {.fingerprint = "f", .name = name});
              }),
              IsOk());
  const auto referenced = [&](const std::string& blob) {
    return *Read([&](StoreReader& reader) { return reader.IsBlobReferenced(blob); });
  };
  const auto artifact =
      Read([&](StoreReader& reader) { return reader.GetArtifact("artifacts/" + digest); });
  ASSERT_THAT(artifact, IsOk());
  EXPECT_EQ(artifact->file_name(), "int8.tflite");
  EXPECT_THAT(Read([&](StoreReader& reader) { return reader.ListFinishedVariants(name); }),
              IsOkAndHolds(SizeIs(1)));
  EXPECT_TRUE(referenced(digest));
  EXPECT_TRUE(referenced(kept));

  ASSERT_THAT(Write([&](StoreWriter& writer) { return writer.DeleteJob(name); }), IsOk());
  EXPECT_FALSE(referenced(digest));
  EXPECT_FALSE(referenced(kept));
  EXPECT_THAT(Read([&](StoreReader& reader) { return reader.GetReport(name); }),
              StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(Read([&](StoreReader& reader) { return reader.ListEvents(name, 0, 9); }),
              IsOkAndHolds(IsEmpty()));
  EXPECT_FALSE(
      Read([&](StoreReader& reader) { return reader.FindRequest("jobs", "r"); })->has_value());
}

TEST_P(MetadataStoreTest, KnowsEveryRowThatNamesABlob) {
  v1::Upload upload = OpenUpload(1);
  upload.set_digest(Sha256Hex("u"));
  const v1::Model model = ReadyModel(Sha256Hex("m"));
  const v1::Dataset dataset = ReadyDataset(Sha256Hex("d"));
  const auto referenced = [&](const std::string& digest) {
    return *Read([&](StoreReader& reader) { return reader.IsBlobReferenced(digest); });
  };
  ASSERT_THAT(Write([&](StoreWriter& writer) -> absl::Status {
                RETURN_IF_ERROR(writer.PutUpload(upload));
                RETURN_IF_ERROR(writer.PutModel(model));
                return writer.PutDataset(dataset);
              }),
              IsOk());
  // A digest that was only declared keeps nothing.
  EXPECT_FALSE(referenced(upload.digest()));
  EXPECT_TRUE(referenced(model.digest()));
  EXPECT_TRUE(referenced(dataset.digest()));
  upload.set_state(v1::Upload::STATE_COMPLETE);
  ASSERT_THAT(Write([&](StoreWriter& writer) { return writer.PutUpload(upload); }), IsOk());
  EXPECT_TRUE(referenced(upload.digest()));
}

TEST_P(MetadataStoreTest, KeepsRequestIdsApartByCollection) {
  const RequestRecord record{.fingerprint = "f", .name = "jobs/j"};
  ASSERT_THAT(
      Write([&](StoreWriter& writer) { return writer.InsertRequest("jobs", "same", record); }),
      IsOk());
  EXPECT_THAT(
      Write([&](StoreWriter& writer) { return writer.InsertRequest("jobs", "same", record); }),
      StatusIs(absl::StatusCode::kAlreadyExists));
  EXPECT_THAT(
      Write([&](StoreWriter& writer) { return writer.InsertRequest("uploads", "same", record); }),
      IsOk());
  const auto found = Read([](StoreReader& reader) { return reader.FindRequest("jobs", "same"); });
  ASSERT_THAT(found, IsOk());
  EXPECT_EQ((*found)->name, "jobs/j");
}

TEST_P(MetadataStoreTest, KeepsQuarantinesApartByEngineBuild) {
  ASSERT_THAT(Write([](StoreWriter& writer) { return writer.PutQuarantine("d", "1", "SIGSEGV"); }),
              IsOk());
  EXPECT_THAT(Read([](StoreReader& reader) { return reader.FindQuarantine("d", "1"); }),
              IsOkAndHolds(std::optional<std::string>("SIGSEGV")));
  EXPECT_THAT(Read([](StoreReader& reader) { return reader.FindQuarantine("d", "2"); }),
              IsOkAndHolds(std::nullopt));
}

INSTANTIATE_TEST_SUITE_P(Backends, MetadataStoreTest,
                         ::testing::Values(Backend{
                             "Sqlite",
                             [](const std::string& folder) -> std::unique_ptr<MetadataStore> {
                               auto store = OpenSqliteStore(folder);
                               EXPECT_THAT(store, IsOk());
                               return store.ok() ? *std::move(store) : nullptr;
                             }}),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace octavo
