#include "data/text_blocks.h"

#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "core/error.h"

namespace ballot {
namespace {

/// Bytes of a file as they stand on the disk.
class RawFile {
 public:
  explicit RawFile(const SourceFile& file) : name_(file.name) {
    descriptor_ = ::open(file.path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor_ < 0) throw bad_input("cannot read {}: {}", name_, std::strerror(errno));
    ::posix_fadvise(descriptor_, 0, 0, POSIX_FADV_SEQUENTIAL);
  }
  ~RawFile() { ::close(descriptor_); }
  RawFile(const RawFile&) = delete;
  RawFile& operator=(const RawFile&) = delete;

  std::size_t read(char* to, std::size_t most) {
    for (;;) {
      const ssize_t n = ::read(descriptor_, to, most);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) throw bad_input("cannot read {}: {}", name_, std::strerror(errno));
      bytes_read_ += n;
      return static_cast<std::size_t>(n);
    }
  }
  std::int64_t bytes_read() const { return bytes_read_; }
  const std::string& name() const { return name_; }

 private:
  std::string name_;
  int descriptor_;
  std::int64_t bytes_read_ = 0;
};

/// A stream of plain bytes; read() returns 0 at the end only.
class Stream {
 public:
  virtual ~Stream() = default;
  virtual std::size_t read(char* to, std::size_t most) = 0;
};

class PlainStream : public Stream {
 public:
  explicit PlainStream(RawFile& file) : file_(file) {}
  std::size_t read(char* to, std::size_t most) override { return file_.read(to, most); }

 private:
  RawFile& file_;
};

class GzipStream : public Stream {
 public:
  explicit GzipStream(RawFile& file) : file_(file), input_(1 << 18) {
    if (::inflateInit2(&stream_, 15 + 16) != Z_OK) throw failed("cannot set up zlib for {}", file.name());
  }
  ~GzipStream() override { ::inflateEnd(&stream_); }

  std::size_t read(char* to, std::size_t most) override {
    stream_.next_out = reinterpret_cast<Bytef*>(to);
    stream_.avail_out = static_cast<uInt>(most);
    while (stream_.avail_out == most) {
      if (stream_.avail_in == 0) {
        stream_.next_in = reinterpret_cast<Bytef*>(input_.data());
        stream_.avail_in = static_cast<uInt>(file_.read(input_.data(), input_.size()));
        if (stream_.avail_in == 0) {
          if (!between_members_) throw bad_input("cannot read {}: it ends inside its gzip stream", file_.name());
          return 0;
        }
      }
      if (between_members_) {  // another member, or padding of zeros that tape tools leave
        if (*stream_.next_in == 0) {
          ++stream_.next_in;
          --stream_.avail_in;
          continue;
        }
        ::inflateReset(&stream_);
        between_members_ = false;
      }
      const int result = ::inflate(&stream_, Z_NO_FLUSH);
      if (result == Z_STREAM_END)
        between_members_ = true;
      else if (result != Z_OK && result != Z_BUF_ERROR)
        throw bad_input("cannot read {}: its gzip stream is damaged ({})", file_.name(),
                        stream_.msg ? stream_.msg : "unknown cause");
    }
    return most - stream_.avail_out;
  }

 private:
  RawFile& file_;
  std::vector<char> input_;
  z_stream stream_{};
  bool between_members_ = false;
};

class ZstdStream : public Stream {
 public:
  explicit ZstdStream(RawFile& file) : file_(file), input_(ZSTD_DStreamInSize()), stream_(ZSTD_createDStream()) {
    if (!stream_) throw failed("cannot set up zstd for {}", file.name());
    ZSTD_DCtx_setParameter(stream_, ZSTD_d_windowLogMax, 31);
  }
  ~ZstdStream() override { ZSTD_freeDStream(stream_); }

  std::size_t read(char* to, std::size_t most) override {
    ZSTD_outBuffer out{to, most, 0};
    while (out.pos == 0) {
      if (buffer_.pos == buffer_.size) {
        buffer_ = {input_.data(), file_.read(input_.data(), input_.size()), 0};
        if (buffer_.size == 0) {
          if (!between_frames_) throw bad_input("cannot read {}: it ends inside its zstd stream", file_.name());
          return 0;
        }
      }
      const std::size_t result = ZSTD_decompressStream(stream_, &out, &buffer_);
      if (ZSTD_isError(result))
        throw bad_input("cannot read {}: its zstd stream is damaged ({})", file_.name(), ZSTD_getErrorName(result));
      between_frames_ = result == 0;
    }
    return out.pos;
  }

 private:
  RawFile& file_;
  std::vector<char> input_;
  ZSTD_DStream* stream_;
  ZSTD_inBuffer buffer_{nullptr, 0, 0};
  bool between_frames_ = false;
};

}  // namespace

std::string_view take_line(std::string_view text, std::size_t& at) {
  const void* found = std::memchr(text.data() + at, '\n', text.size() - at);
  const std::size_t end = found ? static_cast<std::size_t>(static_cast<const char*>(found) - text.data()) : text.size();
  std::string_view line = text.substr(at, end - at);
  at = end + 1;
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

bool is_blank(std::string_view line) {
  return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

struct TextBlocks::State {
  State(const SourceFile& source, std::size_t size) : file(source), block_size(size) {
    if (source.compression == Compression::kGzip)
      stream = std::make_unique<GzipStream>(file);
    else if (source.compression == Compression::kZstd)
      stream = std::make_unique<ZstdStream>(file);
    else
      stream = std::make_unique<PlainStream>(file);
  }
  RawFile file;
  std::unique_ptr<Stream> stream;
  std::size_t block_size;
  std::string rest;  // the beginning of a line whose end is not yet read
  bool first = true, ended = false;
};

TextBlocks::TextBlocks(const SourceFile& file, std::size_t block_size)
    : state_(std::make_unique<State>(file, block_size)) {}
TextBlocks::~TextBlocks() = default;

std::int64_t TextBlocks::bytes_read() const {
  return state_->file.bytes_read();
}

bool TextBlocks::next(std::string& bytes) {
  State& state = *state_;
  bytes.clear();
  if (state.ended) return false;
  bytes.swap(state.rest);
  state.rest.clear();
  std::size_t size = bytes.size();
  std::size_t end = std::string::npos;  // behind the last line end
  while (end == std::string::npos) {
    const std::size_t wanted = size + state.block_size;
    if (bytes.size() < wanted) bytes.resize(wanted);
    std::size_t begin = size;
    while (size < wanted) {
      const std::size_t n = state.stream->read(bytes.data() + size, wanted - size);
      if (n == 0) {
        state.ended = true;
        break;
      }
      size += n;
    }
    if (state.first) {
      state.first = false;
      if (size >= 3 && bytes.compare(0, 3, "\xEF\xBB\xBF") == 0) {
        bytes.erase(0, 3);
        size -= 3;
        begin = 0;
      }
    }
    if (state.ended) {
      end = size;
    } else if (const void* found = ::memrchr(bytes.data() + begin, '\n', size - begin)) {
      end = static_cast<std::size_t>(static_cast<const char*>(found) - bytes.data()) + 1;
    }
  }
  state.rest.assign(bytes, end, size - end);
  bytes.resize(end);
  return end > 0;
}

}  // namespace ballot
