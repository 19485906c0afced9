// How many streams there are at once.

#ifndef OCTAVO_SERVER_API_STREAM_LIMIT_H_
#define OCTAVO_SERVER_API_STREAM_LIMIT_H_

#include <atomic>
#include <utility>

namespace octavo {

// Each stream holds memory, and most a file, for as long as its client likes: so many and no more.
// Thread-safe. Outlives its places.
class StreamLimit {
 public:
  // Taken until it is given back or destroyed, if it was to be had.
  class Place {
   public:
    explicit Place(std::atomic<int>* left) : left_(left) {}
    Place(Place&& other) noexcept : left_(std::exchange(other.left_, nullptr)) {}
    Place& operator=(Place&&) = delete;
    ~Place() { GiveBack(); }
    void GiveBack() {
      if (left_ != nullptr) ++*std::exchange(left_, nullptr);
    }
    bool taken() const { return left_ != nullptr; }

   private:
    std::atomic<int>* left_;
  };

  explicit StreamLimit(int max_streams) : left_(max_streams) {}

  Place Take() {
    if (--left_ >= 0) return Place(&left_);
    ++left_;
    return Place(nullptr);
  }

 private:
  std::atomic<int> left_;
};

}  // namespace octavo

#endif  // OCTAVO_SERVER_API_STREAM_LIMIT_H_
