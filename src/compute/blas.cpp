#include "compute/blas.h"

extern "C" {
void sgemm_(const char*, const char*, const int*, const int*, const int*, const float*, const float*, const int*,
            const float*, const int*, const float*, float*, const int*);
void dgemm_(const char*, const char*, const int*, const int*, const int*, const double*, const double*, const int*,
            const double*, const int*, const double*, double*, const int*);
}

namespace ballot::blas {
namespace {

void gemm(const char* ta, const char* tb, int m, int n, int k, const float* a, int lda, const float* b, int ldb,
          float beta, float* c, int ldc) {
  const float one = 1;
  sgemm_(ta, tb, &m, &n, &k, &one, a, &lda, b, &ldb, &beta, c, &ldc);
}
void gemm(const char* ta, const char* tb, int m, int n, int k, const double* a, int lda, const double* b, int ldb,
          double beta, double* c, int ldc) {
  const double one = 1;
  dgemm_(ta, tb, &m, &n, &k, &one, a, &lda, b, &ldb, &beta, c, &ldc);
}

// Row-major C = A B is column-major C^T = B^T A^T: the factors change places and each is read as its transpose.
template <class T>
void nt(std::int64_t m, std::int64_t n, std::int64_t k, const T* a, std::int64_t lda, const T* b, std::int64_t ldb,
        T beta, T* c, std::int64_t ldc) {
  gemm("T", "N", static_cast<int>(n), static_cast<int>(m), static_cast<int>(k), b, static_cast<int>(ldb), a,
       static_cast<int>(lda), beta, c, static_cast<int>(ldc));
}
template <class T>
void nn(std::int64_t m, std::int64_t n, std::int64_t k, const T* a, std::int64_t lda, const T* b, std::int64_t ldb,
        T beta, T* c, std::int64_t ldc) {
  gemm("N", "N", static_cast<int>(n), static_cast<int>(m), static_cast<int>(k), b, static_cast<int>(ldb), a,
       static_cast<int>(lda), beta, c, static_cast<int>(ldc));
}
template <class T>
void tn(std::int64_t m, std::int64_t n, std::int64_t k, const T* a, std::int64_t lda, const T* b, std::int64_t ldb,
        T beta, T* c, std::int64_t ldc) {
  gemm("N", "T", static_cast<int>(n), static_cast<int>(m), static_cast<int>(k), b, static_cast<int>(ldb), a,
       static_cast<int>(lda), beta, c, static_cast<int>(ldc));
}

}  // namespace

void product_nt(std::int64_t m, std::int64_t n, std::int64_t k, const float* a, std::int64_t lda, const float* b,
                std::int64_t ldb, float beta, float* c, std::int64_t ldc) {
  nt(m, n, k, a, lda, b, ldb, beta, c, ldc);
}
void product_nt(std::int64_t m, std::int64_t n, std::int64_t k, const double* a, std::int64_t lda, const double* b,
                std::int64_t ldb, double beta, double* c, std::int64_t ldc) {
  nt(m, n, k, a, lda, b, ldb, beta, c, ldc);
}
void product_nn(std::int64_t m, std::int64_t n, std::int64_t k, const float* a, std::int64_t lda, const float* b,
                std::int64_t ldb, float beta, float* c, std::int64_t ldc) {
  nn(m, n, k, a, lda, b, ldb, beta, c, ldc);
}
void product_nn(std::int64_t m, std::int64_t n, std::int64_t k, const double* a, std::int64_t lda, const double* b,
                std::int64_t ldb, double beta, double* c, std::int64_t ldc) {
  nn(m, n, k, a, lda, b, ldb, beta, c, ldc);
}
void product_tn(std::int64_t m, std::int64_t n, std::int64_t k, const float* a, std::int64_t lda, const float* b,
                std::int64_t ldb, float beta, float* c, std::int64_t ldc) {
  tn(m, n, k, a, lda, b, ldb, beta, c, ldc);
}
void product_tn(std::int64_t m, std::int64_t n, std::int64_t k, const double* a, std::int64_t lda, const double* b,
                std::int64_t ldb, double beta, double* c, std::int64_t ldc) {
  tn(m, n, k, a, lda, b, ldb, beta, c, ldc);
}

}  // namespace ballot::blas
