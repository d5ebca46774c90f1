// Small dense products inside the parallel region: BLAS threads beside OpenMP's cost more than
// they gave (docs/solver.md).
#pragma once
#include <cstdlib>
#include <cstring>

#include "kernel/simd/pairs.hpp"

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

// Numbers on a cache line's boundary.
template <class T>
struct Aligned {
    T* data;
    explicit Aligned(size_t count) : data((T*)aligned_alloc(64, (count * sizeof(T) + 63) / 64 * 64)) {
        if (!data) abort();  // out of memory within a parallel region: no one could catch it
    }
    ~Aligned() { free(data); }
    Aligned(const Aligned&) = delete;
    void clear(size_t count) { memset(data, 0, count * sizeof(T)); }
};

typedef Aligned<float> Buffer;

// The F x F matrix as panels of two vectors' width, each panel contiguous.
template <int F>
void arrange(const float* matrix, float* panels) {
    for (int panel = 0; panel < F / PANEL; panel++)
        for (int k = 0; k < F; k++)
            memcpy(panels + (size_t(panel) * F + k) * PANEL, matrix + size_t(k) * F + panel * PANEL,
                   PANEL * sizeof(float));
}

// The same of pairs: the matrix's rows are paired as `pack` pairs the numbers of a vector.
template <int F>
void arrange(const float* matrix, Pair* panels) {
    for (int panel = 0; panel < F / PANEL; panel++)
        for (int k = 0; k < F / 2; k++, panels += PANEL) {
            const float* low = matrix + size_t(k / 16 * 32 + k % 16) * F + panel * PANEL;
            for (int v = 0; v < PANEL; v += VL)
                store(panels + v, paired(load(low + v), load(low + 16 * F + v)));
        }
}

// Rows of `a` as numbers of the panels' kind, zeros added up to `whole` rows; in `spare`, if need be.
template <int F>
const float* as_numbers(const float* a, int rows, int whole, float* spare) {
    if (whole == rows) return a;
    memcpy(spare, a, size_t(rows) * F * sizeof(float));
    memset(spare + size_t(rows) * F, 0, size_t(whole - rows) * F * sizeof(float));
    return spare;
}

template <int F>
const Pair* as_numbers(const float* a, int rows, int whole, Pair* spare) {
    pack(a, rows * F, (uint16_t*)spare);
    memset(spare + size_t(rows) * F / 2, 0, size_t(whole - rows) * F / 2 * sizeof(Pair));
    return spare;
}

template <int F, class Number>
INLINE void tile(const Number* a, const Number* panel, float* c) {
    constexpr int DEEP = F / floats_in<Number>;
    Vec left[TILE], right[TILE];
#pragma GCC unroll 12
    for (int q = 0; q < TILE; q++) left[q] = right[q] = Vec{};
    for (int k = 0; k < DEEP; k++) {
        auto m = load(panel + k * PANEL), n = load(panel + k * PANEL + VL);
#pragma GCC unroll 12
        for (int q = 0; q < TILE; q++) {
            left[q] = fused(left[q], m, a[q * DEEP + k]);
            right[q] = fused(right[q], n, a[q * DEEP + k]);
        }
    }
#pragma GCC unroll 12
    for (int q = 0; q < TILE; q++) {
        store(c + size_t(q) * F, left[q]);
        store(c + size_t(q) * F + VL, right[q]);
    }
}

// c = a * matrix, for up to BLOCK rows; `spare` holds BLOCK rows, as does c.
template <int F, class Number>
void block_times(const float* a, int rows, const Number* panels, Number* spare, float* c) {
    constexpr int DEEP = F / floats_in<Number>;
    int whole = (rows + TILE - 1) / TILE * TILE;
    const Number* numbers = as_numbers<F>(a, rows, whole, spare);
    for (int panel = 0; panel < F / PANEL; panel++)
        for (int r = 0; r < whole; r += TILE)
            tile<F>(numbers + size_t(r) * DEEP, panels + size_t(panel) * DEEP * PANEL,
                    c + size_t(r) * F + panel * PANEL);
}

template <int F, class Number>
INLINE void gram_tile(const Number* z, int rows, int i, int j, float* gram) {
    Vec left[GRAM_TILE], right[GRAM_TILE];
    float* g = gram + size_t(i) * F + j;
#pragma GCC unroll 8
    for (int q = 0; q < GRAM_TILE; q++) {
        left[q] = load(g + q * F);
        right[q] = load(g + q * F + VL);
    }
    for (int r = 0; r < rows; r++, z += F) {
        auto m = load(z + j), n = load(z + j + VL);
#pragma GCC unroll 8
        for (int q = 0; q < GRAM_TILE; q++) {
            left[q] = fused(left[q], m, z[i + q]);
            right[q] = fused(right[q], n, z[i + q]);
        }
    }
#pragma GCC unroll 8
    for (int q = 0; q < GRAM_TILE; q++) {
        store(g + q * F, left[q]);
        store(g + q * F + VL, right[q]);
    }
}

// gram += z' z, in the tiles that touch the diagonal or lie above it.
template <int F, class Number>
void add_gram(const Number* z, int rows, float* gram) {
    for (int i = 0; i < F; i += GRAM_TILE)
        for (int j = i / PANEL * PANEL; j < F; j += PANEL) gram_tile<F>(z, rows, i, j, gram);
}

template <int F>
void add_block_gram(const float* z, int rows, float*, float* gram) {
    add_gram<F>(z, rows, gram);
}

// The same by pairs of rows; `spare` holds half of the rows, rounded up.
template <int F>
void add_block_gram(const float* z, int rows, Pair* spare, float* gram) {
    Pair* to = spare;
    for (int r = 0; r < rows; r += 2)
        for (int v = 0; v < F; v += VL, to += VL) {
            const float* row = z + size_t(r) * F + v;
            store(to, paired(load(row), r + 1 < rows ? load(row + F) : Vec{}));
        }
    add_gram<F>((const Pair*)spare, (rows + 1) / 2, gram);
}

}  // namespace
