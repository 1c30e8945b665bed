// Arrow tells of trouble by status and by exception; both become an Error that names file and cause. Inside the room
// only.
#pragma once
#include <arrow/result.h>
#include <arrow/status.h>

#include <new>
#include <string>

#include "core/error.h"

namespace ballot {

/// What arrow_ok and arrow_value throw; reading_parquet and writing_parquet turn it into an Error.
struct ArrowProblem {
  std::string attempted, cause;
};

inline void arrow_ok(const arrow::Status& status, const char* attempted) {
  if (!status.ok()) throw ArrowProblem{attempted, status.message()};
}

template <class T>
T arrow_value(arrow::Result<T> result, const char* attempted) {
  arrow_ok(result.status(), attempted);
  return std::move(result).ValueUnsafe();
}

/// Runs `body`; what Arrow says against it becomes an Error (input) "cannot read x.parquet: ...".
template <class Body>
void reading_parquet(const std::string& name, const Body& body) {
  try {
    body();
  } catch (const ArrowProblem& problem) {
    throw bad_input("cannot read {}: {}", name, problem.cause);
  } catch (const Error&) {
    throw;
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& error) {  // parquet::ParquetException among them
    throw bad_input("cannot read {}: {}", name, error.what());
  }
}

/// The same for writing: Error (failed) "cannot write x.parquet: ...".
template <class Body>
void writing_parquet(const std::string& name, const Body& body) {
  try {
    body();
  } catch (const ArrowProblem& problem) {
    throw failed("cannot write {}: {}", name, problem.cause);
  } catch (const Error&) {
    throw;
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& error) {
    throw failed("cannot write {}: {}", name, error.what());
  }
}

}  // namespace ballot
