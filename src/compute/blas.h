// Matrix products of small row-major blocks, by the library that libtorch carries (its BLAS symbols are exported).
// Called from inside parallel loops, each call runs on the calling thread.
#pragma once
#include <cstdint>

namespace ballot::blas {

/// C[m,n] <- A[m,k] B[n,k]^T + beta C; lda, ldb, ldc are the distances between rows.
void product_nt(std::int64_t m, std::int64_t n, std::int64_t k, const float* a, std::int64_t lda, const float* b,
                std::int64_t ldb, float beta, float* c, std::int64_t ldc);
void product_nt(std::int64_t m, std::int64_t n, std::int64_t k, const double* a, std::int64_t lda, const double* b,
                std::int64_t ldb, double beta, double* c, std::int64_t ldc);
/// C[m,n] <- A[m,k] B[k,n] + beta C.
void product_nn(std::int64_t m, std::int64_t n, std::int64_t k, const float* a, std::int64_t lda, const float* b,
                std::int64_t ldb, float beta, float* c, std::int64_t ldc);
void product_nn(std::int64_t m, std::int64_t n, std::int64_t k, const double* a, std::int64_t lda, const double* b,
                std::int64_t ldb, double beta, double* c, std::int64_t ldc);
/// C[m,n] <- A[k,m]^T B[k,n] + beta C.
void product_tn(std::int64_t m, std::int64_t n, std::int64_t k, const float* a, std::int64_t lda, const float* b,
                std::int64_t ldb, float beta, float* c, std::int64_t ldc);
void product_tn(std::int64_t m, std::int64_t n, std::int64_t k, const double* a, std::int64_t lda, const double* b,
                std::int64_t ldb, double beta, double* c, std::int64_t ldc);

}  // namespace ballot::blas
