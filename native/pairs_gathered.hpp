// The same as pairs of bf16 numbers, which have twice the flops. Four cells lie together: each by
// itself, as `pack` made it, for products with a direction; then, crossed, the first two cells' and
// the last two cells' numbers in pairs, for sums of cells.
//
// What a row starts from and its first residual are taken as sums of two bf16 numbers each, sixteen
// bits of them; a step's direction is rounded to one, as a vector that is stepped along and as one
// that is multiplied with alike, so that the step is exact for the direction that it takes.
#pragma once
#include "floats_gathered.hpp"

#ifdef __AVX512BF16__
namespace {

static_assert(VL == 16, "a vector of pairs is a block of `pack`");

typedef uint32_t QuadBits __attribute__((vector_size(16)));

// Four numbers as two pairs.
INLINE void to_pairs(Quad numbers, Pair* to) {
    __m128bh halves = _mm_cvtneps_pbh((__m128)numbers);
    memcpy(to, &halves, 2 * sizeof(Pair));
    asm volatile("" : "+m"(*(Pair(*)[2])to));  // broadcasts from memory are loads
}

INLINE Quad rounded_off(Quad numbers) {
    QuadBits bits = (QuadBits)numbers;
    return (Quad)((bits + 0x7fff + ((bits >> 16) & 1)) & 0xffff0000u);
}

const Pair NOTHING[256] = {};

template <int F>
struct Pairs {
    typedef Pair Number;
    static constexpr int N = F / VL, WORDS = F / 2;
    const Half& half;

    static INLINE const Pair* cell(const float* y, int k) {
        return (const Pair*)y + size_t(k / 4) * 4 * F + k % 4 * WORDS;
    }

    // As `Floats::gather`, where all rows have one lambda: scaled vectors would be rounded again.
    INLINE void gather(int64_t from, int count, const Vec*, float* to) const {
        Pair* y = (Pair*)to;
        for (int k = 0; k < count; k += 4, y += 4 * F) {
            const Pair* four[4];
            for (int q = 0; q < 4; q++) four[q] = k + q < count ? vector(from + k + q) : NOTHING;
            gather_four(four, y);
        }
    }

    INLINE const Pair* vector(int64_t at) const {
        prefetch<F * 2>(half, at + AHEAD);
        return (const Pair*)half.fixed + int64_t(half.rows.column[at]) * WORDS;
    }

    static INLINE void gather_four(const Pair* const* from, Pair* y) {
        Pair* crossed = y + 2 * F;
#pragma GCC unroll 4
        for (int v = 0; v < WORDS; v += VL, crossed += 2 * VL) {
            Bits words[4];
#pragma GCC unroll 4
            for (int q = 0; q < 4; q++) {
                words[q] = load(from[q] + v);
                store(y + q * WORDS + v, words[q]);
            }
#pragma GCC unroll 2
            for (int q = 0; q < 2; q++) {
                Bits a = words[2 * q], b = words[2 * q + 1];
                store(crossed + q * F, (a & 0xffff) | (b << 16));
                store(crossed + q * F + VL, (a >> 16) | (b & 0xffff0000u));
            }
        }
    }

    template <bool FIRST>
    static INLINE float pass(const float* y, int count, const float* c, const Vec* p, Vec* total) {
        constexpr int TERMS = FIRST ? 2 : 1;
        Bits words[TERMS][N / 2];
        for (int v = 0; v < N / 2; v++) {
            Vec a = p[2 * v], b = p[2 * v + 1];
            words[0][v] = paired(a, b);
            if (FIRST) words[TERMS - 1][v] = paired(a - rounded_off(a), b - rounded_off(b));
        }
        Quad value = {};
        Vec part[N];
#pragma GCC unroll 16
        for (int v = 0; v < N; v++) part[v] = total[v];
        for (int k = 0; k < count; k += 4, y += 4 * F) {
            Vec t[4] = {};
#pragma GCC unroll 8
            for (int v = 0; v < N / 2; v++)
#pragma GCC unroll 4
                for (int q = 0; q < 4; q++) {
                    Bits numbers = load(cell(y, q) + VL * v);
#pragma GCC unroll 2
                    for (int term = 0; term < TERMS; term++)
                        t[q] = fused(t[q], numbers, words[term][v]);
                }
            Quad weight = weights<FIRST>(sums(t[0], t[1], t[2], t[3]), c + k, value);
            add_terms<TERMS>(y, weight, part);
        }
#pragma GCC unroll 16
        for (int v = 0; v < N; v++) total[v] = part[v];
        return sum(value);
    }

    template <int TERMS>
    static INLINE void add_terms(const float* y, Quad weight, Vec* total) {
        Pair weights[TERMS][2];
        to_pairs(weight, weights[0]);
        if (TERMS == 2) to_pairs(weight - rounded_off(weight), weights[TERMS - 1]);
        const Pair* crossed = (const Pair*)y + 2 * F;
#pragma GCC unroll 2
        for (int q = 0; q < 2; q++)
#pragma GCC unroll 16
            for (int v = 0; v < N; v++) {
                Bits numbers = load(crossed + q * F + VL * v);
#pragma GCC unroll 2
                for (int term = 0; term < TERMS; term++)
                    total[v] = fused(total[v], numbers, weights[term][q]);
            }
    }

    static INLINE void add(const float* y, Quad weight, Vec* total) { add_terms<2>(y, weight, total); }

    static INLINE Vec usable(Vec direction) { return rounded_off(direction); }
};

}  // namespace
#endif
