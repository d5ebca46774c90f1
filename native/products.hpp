// Small dense products inside the parallel region: BLAS threads beside OpenMP's cost more than
// they gave (docs/solver.md).
#pragma once
#include <cstdlib>
#include <cstring>

#include "vectors.hpp"

namespace {

constexpr int BLOCK = 48;  // rows per block: a multiple of every tile below
#if VL == 16
constexpr int TILE = 12, GRAM_TILE = 8;  // 32 registers
#elif VL == 8
constexpr int TILE = 6, GRAM_TILE = 4;  // 16 registers
#else
constexpr int TILE = 4, GRAM_TILE = 4;
#endif
constexpr int PANEL = 2 * VL;

// Floats on a cache line's boundary.
struct Buffer {
    float* data;
    explicit Buffer(size_t floats)
        : data((float*)aligned_alloc(64, (floats * sizeof(float) + 63) / 64 * 64)) {
        if (!data) abort();  // out of memory within a parallel region: nobody could catch it
    }
    ~Buffer() { free(data); }
    Buffer(const Buffer&) = delete;
    void clear(size_t floats) { memset(data, 0, floats * sizeof(float)); }
};

// The F x F matrix as panels of two vectors' width, each panel contiguous.
template <int F>
void arrange(const float* matrix, float* panels) {
    for (int panel = 0; panel < F / PANEL; panel++)
        for (int k = 0; k < F; k++)
            memcpy(panels + (size_t(panel) * F + k) * PANEL, matrix + size_t(k) * F + panel * PANEL,
                   PANEL * sizeof(float));
}

template <int F>
INLINE void tile(const float* a, const float* panel, float* c) {
    Vec left[TILE], right[TILE];
#pragma GCC unroll 12
    for (int q = 0; q < TILE; q++) left[q] = right[q] = Vec{};
    for (int k = 0; k < F; k++) {
        Vec m = load(panel + k * PANEL), n = load(panel + k * PANEL + VL);
#pragma GCC unroll 12
        for (int q = 0; q < TILE; q++) {
            left[q] += m * a[q * F + k];
            right[q] += n * a[q * F + k];
        }
    }
#pragma GCC unroll 12
    for (int q = 0; q < TILE; q++) {
        store(c + size_t(q) * F, left[q]);
        store(c + size_t(q) * F + VL, right[q]);
    }
}

// c = a * matrix; `rows` is a multiple of TILE.
template <int F>
void times(const float* a, int rows, const float* panels, float* c) {
    for (int panel = 0; panel < F / PANEL; panel++)
        for (int r = 0; r < rows; r += TILE)
            tile<F>(a + size_t(r) * F, panels + size_t(panel) * F * PANEL,
                    c + size_t(r) * F + panel * PANEL);
}

// The same for up to BLOCK rows, any number; `spare` holds BLOCK rows.
template <int F>
void block_times(const float* a, int rows, const float* panels, float* spare, float* c) {
    int whole = (rows + TILE - 1) / TILE * TILE;
    if (whole != rows) {
        memcpy(spare, a, size_t(rows) * F * sizeof(float));
        memset(spare + size_t(rows) * F, 0, size_t(whole - rows) * F * sizeof(float));
        a = spare;
    }
    times<F>(a, whole, panels, c);
}

template <int F>
INLINE void gram_tile(const float* z, int rows, int i, int j, float* gram) {
    Vec left[GRAM_TILE], right[GRAM_TILE];
    float* g = gram + size_t(i) * F + j;
#pragma GCC unroll 8
    for (int q = 0; q < GRAM_TILE; q++) {
        left[q] = load(g + q * F);
        right[q] = load(g + q * F + VL);
    }
    for (int r = 0; r < rows; r++, z += F) {
        Vec m = load(z + j), n = load(z + j + VL);
#pragma GCC unroll 8
        for (int q = 0; q < GRAM_TILE; q++) {
            left[q] += m * z[i + q];
            right[q] += n * z[i + q];
        }
    }
#pragma GCC unroll 8
    for (int q = 0; q < GRAM_TILE; q++) {
        store(g + q * F, left[q]);
        store(g + q * F + VL, right[q]);
    }
}

// gram += z' z, in the tiles that touch the diagonal or lie above it.
template <int F>
void add_gram(const float* z, int rows, float* gram) {
    for (int i = 0; i < F; i += GRAM_TILE)
        for (int j = i / PANEL * PANEL; j < F; j += PANEL) gram_tile<F>(z, rows, i, j, gram);
}

}  // namespace
