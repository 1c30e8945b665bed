#include "judges/journal.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <condition_variable>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>
#include <vector>

#include "core/error.h"

namespace ballot {
namespace {

constexpr const char* kSchema = R"(
CREATE TABLE IF NOT EXISTS answers (
  item_id TEXT NOT NULL, repeat INTEGER NOT NULL, attempt INTEGER NOT NULL, final INTEGER NOT NULL, structured INTEGER NOT NULL,
  prompt_id TEXT NOT NULL, format TEXT NOT NULL, judge TEXT NOT NULL, status TEXT NOT NULL, transport TEXT NOT NULL,
  label TEXT NOT NULL, raw TEXT NOT NULL, reasoning TEXT NOT NULL, error TEXT NOT NULL,
  prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL, cached_tokens INTEGER NOT NULL,
  cost REAL NOT NULL, seconds REAL NOT NULL,
  PRIMARY KEY (item_id, repeat, attempt)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tries (
  id INTEGER PRIMARY KEY, item_id TEXT NOT NULL, repeat INTEGER NOT NULL, attempt INTEGER NOT NULL, fault TEXT NOT NULL,
  prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL, cached_tokens INTEGER NOT NULL,
  estimated INTEGER NOT NULL, cost REAL NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS notes (name TEXT PRIMARY KEY, text TEXT NOT NULL) STRICT, WITHOUT ROWID;
)";

/// What the labels are, as one JSON column: they differ by format.
std::string label_json(const Annotation& a) {
  Json json;
  json["shown"] = a.shown;
  if (a.choice) json["choice"] = *a.choice;
  if (a.magnitude) json["magnitude"] = *a.magnitude;
  if (a.rating) json["rating"] = *a.rating;
  if (!a.ranking.empty()) json["ranking"] = a.ranking;
  if (a.probabilities) json["probabilities"] = *a.probabilities;
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void read_label(const std::string& text, Annotation& a) {
  const Json json = Json::parse(text);
  a.shown = json.at("shown").get<std::vector<std::string>>();
  if (json.contains("choice")) a.choice = json["choice"].get<std::string>();
  if (json.contains("magnitude")) a.magnitude = json["magnitude"].get<std::int32_t>();
  if (json.contains("rating")) a.rating = json["rating"].get<std::int32_t>();
  if (json.contains("ranking")) a.ranking = json["ranking"].get<std::vector<std::vector<std::string>>>();
  if (json.contains("probabilities")) a.probabilities = json["probabilities"].get<std::vector<double>>();
}

}  // namespace

struct Journal::State {
  std::filesystem::path path;
  sqlite3* database = nullptr;
  sqlite3_stmt *insert = nullptr, *insert_try = nullptr;
  std::thread writer;
  mutable std::mutex mutex;
  std::condition_variable wake, written;
  std::vector<JournalEntry> queue;
  std::vector<JournalTry> tries;
  std::uint64_t added = 0, committed = 0;
  bool closing = false;
  std::optional<std::string> failure;

  Error error(const std::string& what) const {
    const int code = database ? sqlite3_errcode(database) : SQLITE_ERROR;
    return Error(
        ErrorKind::kFailed,
        fmt::format("cannot {} {}: {}", what, path.string(), database ? sqlite3_errmsg(database) : "no memory"),
        code == SQLITE_FULL
            ? "make room on that disk and run the same command again; every answer that was acknowledged is kept"
        : code == SQLITE_CORRUPT || code == SQLITE_NOTADB
            ? "the journal is damaged: restore it from a copy, or start over with --force"
            : "");
  }
  void run(const char* sql, const char* what) {
    if (sqlite3_exec(database, sql, nullptr, nullptr, nullptr) != SQLITE_OK) throw error(what);
  }

  void open() {
    std::filesystem::create_directories(path.parent_path());
    if (sqlite3_open_v2(path.c_str(), &database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX,
                        nullptr) != SQLITE_OK)
      throw error("open");
    sqlite3_busy_timeout(database, 10000);
    run("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=4000;", "open");
    run(kSchema, "open");
    if (sqlite3_prepare_v2(database, "INSERT OR REPLACE INTO answers VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
                           -1, &insert, nullptr) != SQLITE_OK ||
        sqlite3_prepare_v2(database, "INSERT INTO tries VALUES (NULL,?,?,?,?,?,?,?,?,?)", -1, &insert_try, nullptr) !=
            SQLITE_OK)
      throw error("open");
    writer = std::thread([this] { write_loop(); });
  }

  void close() {
    {
      const std::lock_guard lock(mutex);
      closing = true;
    }
    wake.notify_all();
    if (writer.joinable()) writer.join();
    sqlite3_finalize(insert);
    sqlite3_finalize(insert_try);
    sqlite3_close(database);
  }

  void bind_text(int place, const std::string& text) { bind_text(insert, place, text); }
  static void bind_text(sqlite3_stmt* statement, int place, const std::string& text) {
    sqlite3_bind_text(statement, place, text.data(), static_cast<int>(text.size()), SQLITE_STATIC);
  }

  static bool inserted(sqlite3_stmt* statement) {
    const bool done = sqlite3_step(statement) == SQLITE_DONE;
    sqlite3_reset(statement);
    return done;
  }

  bool put(const JournalEntry& e) {
    const Annotation& a = e.annotation;
    const std::string label = label_json(a);
    bind_text(1, a.item_id);
    sqlite3_bind_int64(insert, 2, a.repeat);
    sqlite3_bind_int64(insert, 3, e.attempt);
    sqlite3_bind_int64(insert, 4, e.final);
    sqlite3_bind_int64(insert, 5, e.structured);
    bind_text(6, a.prompt_id);
    bind_text(7, a.format);
    bind_text(8, a.judge);
    bind_text(9, a.status);
    bind_text(10, a.transport);
    bind_text(11, label);
    bind_text(12, a.raw);
    bind_text(13, a.reasoning);
    bind_text(14, e.error);
    sqlite3_bind_int64(insert, 15, a.prompt_tokens);
    sqlite3_bind_int64(insert, 16, a.completion_tokens);
    sqlite3_bind_int64(insert, 17, a.cached_tokens);
    sqlite3_bind_double(insert, 18, a.cost);
    sqlite3_bind_double(insert, 19, a.seconds);
    return inserted(insert);
  }

  bool put(const JournalTry& t) {
    bind_text(insert_try, 1, t.item_id);
    sqlite3_bind_int64(insert_try, 2, t.repeat);
    sqlite3_bind_int64(insert_try, 3, t.attempt);
    bind_text(insert_try, 4, t.fault);
    sqlite3_bind_int64(insert_try, 5, t.prompt_tokens);
    sqlite3_bind_int64(insert_try, 6, t.completion_tokens);
    sqlite3_bind_int64(insert_try, 7, t.cached_tokens);
    sqlite3_bind_int64(insert_try, 8, t.estimated);
    sqlite3_bind_double(insert_try, 9, t.cost);
    return inserted(insert_try);
  }

  void write_loop() {
    std::vector<JournalEntry> group;
    std::vector<JournalTry> failed_tries;
    std::unique_lock lock(mutex);
    for (;;) {
      wake.wait(lock, [&] { return closing || !queue.empty() || !tries.empty(); });
      if (queue.empty() && tries.empty()) return;
      group.clear(), failed_tries.clear();
      std::swap(group, queue);
      std::swap(failed_tries, tries);
      const std::uint64_t upto = added;
      lock.unlock();
      bool ok = sqlite3_exec(database, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr) == SQLITE_OK;
      for (const JournalEntry& entry : group) ok = ok && put(entry);
      for (const JournalTry& spent : failed_tries) ok = ok && put(spent);
      ok = ok && sqlite3_exec(database, "COMMIT", nullptr, nullptr, nullptr) == SQLITE_OK;
      std::string message;
      if (!ok) {
        const Error failure_now = error("write");
        message = failure_now.message() + (failure_now.next().empty() ? "" : "\nnext: " + failure_now.next());
        sqlite3_exec(database, "ROLLBACK", nullptr, nullptr, nullptr);
      }
      lock.lock();
      if (ok)
        committed = upto;
      else
        failure = message;
      written.notify_all();
      if (!ok) return;
    }
  }
};

Journal::Journal(const std::filesystem::path& folder) : state_(std::make_unique<State>()) {
  state_->path = folder / "journal.sqlite";
  try {
    state_->open();
  } catch (...) {
    state_->close();
    throw;
  }
}

Journal::~Journal() {
  if (state_) state_->close();
}

void Journal::add(JournalEntry entry) {
  std::vector<JournalEntry> group;
  group.push_back(std::move(entry));
  add(std::move(group));
}

void Journal::add(std::vector<JournalEntry> group) {
  const std::lock_guard lock(
      state_->mutex);  // the writer takes the queue whole: what is put in at once goes out at once
  if (state_->failure) throw Error(ErrorKind::kFailed, *state_->failure);
  state_->added += group.size();
  std::move(group.begin(), group.end(), std::back_inserter(state_->queue));
  state_->wake.notify_one();
}

void Journal::add_try(JournalTry spent) {
  const std::lock_guard lock(state_->mutex);
  if (state_->failure) throw Error(ErrorKind::kFailed, *state_->failure);
  ++state_->added;
  state_->tries.push_back(std::move(spent));
  state_->wake.notify_one();
}

void Journal::flush() {
  std::unique_lock lock(state_->mutex);
  const std::uint64_t upto = state_->added;
  state_->written.wait(lock, [&] { return state_->failure || state_->committed >= upto; });
  if (state_->failure) throw Error(ErrorKind::kFailed, *state_->failure);
}

std::string Journal::note(const std::string& name) const {
  sqlite3_stmt* query = nullptr;
  if (sqlite3_prepare_v2(state_->database, "SELECT text FROM notes WHERE name = ?", -1, &query, nullptr) != SQLITE_OK)
    throw state_->error("read");
  sqlite3_bind_text(query, 1, name.data(), static_cast<int>(name.size()), SQLITE_STATIC);
  std::string text;
  if (sqlite3_step(query) == SQLITE_ROW)
    text.assign(reinterpret_cast<const char*>(sqlite3_column_text(query, 0)),
                static_cast<std::size_t>(sqlite3_column_bytes(query, 0)));
  sqlite3_finalize(query);
  return text;
}

void Journal::set_note(const std::string& name, const std::string& text) {
  flush();  // the writer's transaction is on this connection, too
  sqlite3_stmt* query = nullptr;
  if (sqlite3_prepare_v2(state_->database, "INSERT OR REPLACE INTO notes VALUES (?, ?)", -1, &query, nullptr) !=
      SQLITE_OK)
    throw state_->error("write");
  sqlite3_bind_text(query, 1, name.data(), static_cast<int>(name.size()), SQLITE_STATIC);
  sqlite3_bind_text(query, 2, text.data(), static_cast<int>(text.size()), SQLITE_STATIC);
  const bool done = sqlite3_step(query) == SQLITE_DONE;
  sqlite3_finalize(query);
  if (!done) throw state_->error("write");
}

void Journal::each(const std::function<void(const JournalEntry&)>& body) const {
  sqlite3_stmt* query = nullptr;
  if (sqlite3_prepare_v2(state_->database,
                         "SELECT item_id, repeat, attempt, final, structured, prompt_id, format, judge, status, "
                         "transport, label, raw, reasoning, error, "
                         "prompt_tokens, completion_tokens, cached_tokens, cost, seconds FROM answers ORDER BY "
                         "item_id, repeat, attempt",
                         -1, &query, nullptr) != SQLITE_OK)
    throw state_->error("read");
  const auto text = [&](int column) {
    return std::string(reinterpret_cast<const char*>(sqlite3_column_text(query, column)),
                       static_cast<std::size_t>(sqlite3_column_bytes(query, column)));
  };
  int code;
  try {
    while ((code = sqlite3_step(query)) == SQLITE_ROW) {
      JournalEntry e;
      Annotation& a = e.annotation;
      a.item_id = text(0);
      a.repeat = sqlite3_column_int(query, 1);
      e.attempt = a.attempts = sqlite3_column_int(query, 2);
      e.final = sqlite3_column_int(query, 3) != 0;
      e.structured = sqlite3_column_int(query, 4) != 0;
      a.prompt_id = text(5), a.format = text(6), a.judge = text(7), a.status = text(8), a.transport = text(9);
      read_label(text(10), a);
      a.raw = text(11), a.reasoning = text(12), e.error = text(13);
      a.prompt_tokens = sqlite3_column_int64(query, 14);
      a.completion_tokens = sqlite3_column_int64(query, 15);
      a.cached_tokens = sqlite3_column_int64(query, 16);
      a.cost = sqlite3_column_double(query, 17);
      a.seconds = sqlite3_column_double(query, 18);
      body(e);
    }
  } catch (...) {
    sqlite3_finalize(query);
    throw;
  }
  sqlite3_finalize(query);
  if (code != SQLITE_DONE) throw state_->error("read");
}

void Journal::each_try(const std::function<void(const JournalTry&)>& body) const {
  sqlite3_stmt* query = nullptr;
  if (sqlite3_prepare_v2(state_->database,
                         "SELECT item_id, repeat, attempt, fault, prompt_tokens, completion_tokens, cached_tokens, "
                         "estimated, cost FROM tries ORDER BY id",
                         -1, &query, nullptr) != SQLITE_OK)
    throw state_->error("read");
  const std::unique_ptr<sqlite3_stmt, int (*)(sqlite3_stmt*)> closes(query, sqlite3_finalize);
  const auto text = [&](int column) {
    return std::string(reinterpret_cast<const char*>(sqlite3_column_text(query, column)),
                       static_cast<std::size_t>(sqlite3_column_bytes(query, column)));
  };
  int code;
  while ((code = sqlite3_step(query)) == SQLITE_ROW)
    body({text(0), sqlite3_column_int(query, 1), sqlite3_column_int(query, 2), text(3), sqlite3_column_int64(query, 4),
          sqlite3_column_int64(query, 5), sqlite3_column_int64(query, 6), sqlite3_column_int(query, 7) != 0,
          sqlite3_column_double(query, 8)});
  if (code != SQLITE_DONE) throw state_->error("read");
}

Journal::Totals Journal::totals() const {
  sqlite3_stmt* query = nullptr;
  if (sqlite3_prepare_v2(state_->database,
                         "SELECT total(answers), total(final), total(prompt_tokens), total(completion_tokens), "
                         "total(cached_tokens), total(cost) FROM (SELECT 1 AS answers, final, prompt_tokens, "
                         "completion_tokens, cached_tokens, cost FROM answers UNION ALL SELECT 0, 0, prompt_tokens, "
                         "completion_tokens, cached_tokens, cost FROM tries)",
                         -1, &query, nullptr) != SQLITE_OK)
    throw state_->error("read");
  Totals totals;
  if (sqlite3_step(query) == SQLITE_ROW) {
    totals.answers = sqlite3_column_int64(query, 0);
    totals.final = sqlite3_column_int64(query, 1);
    totals.prompt_tokens = sqlite3_column_int64(query, 2);
    totals.completion_tokens = sqlite3_column_int64(query, 3);
    totals.cached_tokens = sqlite3_column_int64(query, 4);
    totals.cost = sqlite3_column_double(query, 5);
  }
  sqlite3_finalize(query);
  return totals;
}

}  // namespace ballot
