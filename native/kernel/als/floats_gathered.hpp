// A row's cells as float32: gathered side by side, and the two products of a step with them.
#pragma once
#include "kernel/als/als.hpp"
#include "kernel/simd/pairs.hpp"

#include <cstring>

namespace {

using namespace gigstream;

// Non-zeros between prefetch and use: more would push what is in use out of the first cache.
template <int BYTES>
constexpr int ahead = BYTES <= 192 ? 16 : BYTES <= 768 ? 3072 / BYTES : 4;

INLINE int to_four(int n) { return (n + 3) & ~3; }

// A vector of BYTES for later, while non-zero `now` is at work.
template <int BYTES>
INLINE void prefetch(const Half& half, int64_t now) {
    int64_t at = now + ahead<BYTES>;
    if (at >= half.rows.indptr[half.rows.count]) return;
    const char* vector = (const char*)half.fixed + int64_t(half.rows.column[at]) * BYTES;
    for (int byte = 0; byte < BYTES; byte += 64) __builtin_prefetch(vector + byte);
}

template <bool FIRST>
INLINE Quad weights(Quad score, const float* confidence, Quad& value) {
    Quad c = *(const QuadAt*)confidence, extra = c - 1.f;
    if (!FIRST) return extra * score;
    Quad weight = c - extra * score;
    value -= score * (c + weight);
    return weight;
}

// sum += weight_k y_k over `count` vectors (a multiple of four; those past the row's end are 0),
// where weight_k = (c_k - 1) (y_k . p), or, FIRST, c_k - (c_k - 1) (y_k . p). Returns, FIRST, the
// objective's part that depends on these cells.
template <int F, bool FIRST>
INLINE float pass_wide(const float* y, int count, const float* c, const Vec* p, Vec* total) {
    constexpr int N = F / VL;
    Quad value = {};
    for (int k = 0; k < count; k += 4, y += 4 * F) {
        Vec t[4] = {};
#pragma GCC unroll 8
        for (int v = 0; v < N; v++)
#pragma GCC unroll 4
            for (int q = 0; q < 4; q++) t[q] += load(y + q * F + VL * v) * p[v];
        Quad w = weights<FIRST>(sums(t[0], t[1], t[2], t[3]), c + k, value);
        Vec w0 = all(w[0]), w1 = all(w[1]), w2 = all(w[2]), w3 = all(w[3]);
#pragma GCC unroll 8
        for (int v = 0; v < N; v++) {
            Vec sum = total[v] + load(y + VL * v) * w0;
            sum += load(y + F + VL * v) * w1;
            sum += load(y + 2 * F + VL * v) * w2;
            total[v] = sum + load(y + 3 * F + VL * v) * w3;
        }
    }
    return sum(value);
}

// The same with p and the sums in registers, where they fit.
template <int F, bool FIRST>
INLINE float pass_narrow(const float* y, int count, const float* c, const Vec* p_, Vec* total) {
    constexpr int N = F / VL;
    Quad value = {};
    constexpr int SUMS = N <= 4 ? 2 : 1;  // side by side, as registers allow
    Vec p[N], part[SUMS][N] = {};
#pragma GCC unroll 8
    for (int v = 0; v < N; v++) p[v] = p_[v], part[0][v] = total[v];
    for (int k = 0; k < count; k += 4, y += 4 * F) {
        Vec t[4];
#pragma GCC unroll 4
        for (int q = 0; q < 4; q++) {
            t[q] = load(y + q * F) * p[0];
#pragma GCC unroll 8
            for (int v = 1; v < N; v++) t[q] += load(y + q * F + VL * v) * p[v];
        }
        Quad quad = weights<FIRST>(sums(t[0], t[1], t[2], t[3]), c + k, value);
        float w[4];
        *(QuadAt*)w = quad;
        asm volatile("" : "+m"(w));  // broadcasts from memory are loads; from a register, shuffles
#pragma GCC unroll 4
        for (int q = 0; q < 4; q++)
#pragma GCC unroll 8
            for (int v = 0; v < N; v++) part[q % SUMS][v] += load(y + q * F + VL * v) * w[q];
    }
#pragma GCC unroll 8
    for (int v = 0; v < N; v++) total[v] = SUMS == 2 ? part[0][v] + part[SUMS - 1][v] : part[0][v];
    return sum(value);
}

// What RowSolver takes from a row's cells, here of float32 or (PACKED) unpacked to it.
template <int F, bool PACKED>
struct Floats {
    typedef float Number;
    static constexpr int FLOATS = F;  // that a gathered cell takes
    const Half& half;

    // Cell k of those gathered at y.
    static INLINE const float* cell(const float* y, int k) { return y + size_t(k) * F; }

    INLINE void fetch(int64_t row, float* to) const {
        if (PACKED)
            unpack<F>((const uint16_t*)half.fixed + row * F, to);
        else
            memcpy(to, (const float*)half.fixed + row * F, F * sizeof(float));
    }

    // The vectors of `count` non-zeros, times `scale` unless that is null, and zeros up to a
    // multiple of four.
    INLINE void gather(int64_t from, int count, const Vec* scale, float* to) const {
        for (int k = 0; k < count; k++, to += F) {
            prefetch<F * (PACKED ? 2 : 4)>(half, from + k);
            fetch(half.rows.column[from + k], to);
            for (int v = 0; scale && v < F / VL; v++)
                store(to + VL * v, load(to + VL * v) * scale[v]);
        }
        memset(to, 0, size_t(to_four(count) - count) * F * sizeof(float));
    }

    template <bool FIRST>
    static INLINE float pass(const float* y, int count, const float* c, const Vec* p, Vec* total) {
        if constexpr (VL == 16 && F / VL <= 8) return pass_narrow<F, FIRST>(y, count, c, p, total);
        return pass_wide<F, FIRST>(y, count, c, p, total);
    }

    // total += weight_k y_k over four cells.
    static INLINE void add(const float* y, Quad weight, Vec* total) {
        for (int k = 0; k < 4; k++, y += F)
#pragma GCC unroll 8
            for (int v = 0; v < F / VL; v++) total[v] += load(y + VL * v) * weight[k];
    }

    // A direction as it is multiplied with.
    static INLINE Vec usable(Vec direction) { return direction; }
};

}  // namespace
