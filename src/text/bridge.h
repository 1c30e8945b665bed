// The C interface of bridge/ as the other files of this room use it: buffers that free themselves.
#pragma once
#include <ballot_bridge.h>

#include <string>
#include <string_view>
#include <vector>

namespace ballot {

/// A buffer that Rust filled. Pass `out()` to the bridge, then read it once.
class BridgeText {
 public:
  BridgeText() = default;
  ~BridgeText() { ballot_text_free(text_); }
  BridgeText(const BridgeText&) = delete;
  BridgeText& operator=(const BridgeText&) = delete;
  BallotText* out() { return &text_; }
  std::string_view view() const { return text_.data ? std::string_view(text_.data, text_.size) : std::string_view(); }
  std::string str() const { return std::string(view()); }

 private:
  BallotText text_{};
};

class BridgeIds {
 public:
  BridgeIds() = default;
  ~BridgeIds() { ballot_ids_free(ids_); }
  BridgeIds(const BridgeIds&) = delete;
  BridgeIds& operator=(const BridgeIds&) = delete;
  BallotIds* out() { return &ids_; }
  std::size_t size() const { return ids_.size; }
  std::uint32_t operator[](std::size_t index) const { return ids_.data[index]; }

 private:
  BallotIds ids_{};
};

}  // namespace ballot
