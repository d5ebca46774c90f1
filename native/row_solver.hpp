// Conjugate gradients on single rows in whitened coordinates.
//
// A row with columns k, confidences c_k and the other side's whitened vectors y_k minimises
//     totalk c_k (1 - y_k.z)^2 - (y_k.z)^2  +  |z|^2,
// that is, solves (I + totalk (c_k - 1) y_k y_k') z = totalk c_k y_k. Hu, Koren and Volinsky (2008)
// subtract the cells without plays in the same way; whitening turns their Gram matrix into I.
#pragma once
#include "als.hpp"
#include "products.hpp"

namespace {

using namespace gigstream;

constexpr int LOCKSTEP = 4;               // rows solved side by side, to hide latencies
constexpr int AHEAD = 32;                 // non-zeros between prefetch and use
constexpr int GULP = 16;                  // rows gathered before the first pass uses them
constexpr int64_t HELD_FLOATS = 1 << 21;  // a longer row is gathered anew in every pass
constexpr float TINY = 1e-37f;            // a squared length of nothing
constexpr float STEEP = 100;              // a confidence that three steps may not do justice to
constexpr float SOLVED = 1e-8f;           // of its first squared residual: time to look anew
constexpr float EXACT = 1e-12f;           // a squared residual, beside the squared vector

// The vectors and residuals of up to LOCKSTEP rows.
template <int F>
struct Group {
    static constexpr int N = F / VL;
    struct Member {
        Vec z[N], residual[N], direction[N], image[N];
        Vec scale[N];  // where rows have a lambda each: see enter_own
        int64_t begin;
        int length;
        float* held;  // its gathered vectors
        float squared, first;  // residual now and where conjugate gradients began
        float value;           // the objective's part
    };
    Member members[LOCKSTEP];
};

INLINE int to_four(int n) { return (n + 3) & ~3; }

template <int F, bool FIRST>
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
        Quad w = weights<F, FIRST>(sums(t[0], t[1], t[2], t[3]), c + k, value);
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
        Quad quad = weights<F, FIRST>(sums(t[0], t[1], t[2], t[3]), c + k, value);
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

template <int F, bool FIRST>
INLINE float pass(const float* y, int count, const float* c, const Vec* p, Vec* total) {
    if constexpr (VL == 16 && F / VL <= 8) return pass_narrow<F, FIRST>(y, count, c, p, total);
    return pass_wide<F, FIRST>(y, count, c, p, total);
}

template <int F, bool PACKED>
struct RowSolver {
    static constexpr int N = F / VL;
    typedef typename Group<F>::Member Member;
    const Half& half;
    float* buffer;  // HELD_FLOATS, and four vectors more per row in lock step
    int64_t nonzeros;

    INLINE void prefetch(int64_t at) const {
        if (at >= nonzeros) return;
        constexpr int BYTES = F * (PACKED ? 2 : 4);
        const char* vector = (const char*)half.fixed + int64_t(half.rows.column[at]) * BYTES;
        for (int byte = 0; byte < BYTES; byte += 64) __builtin_prefetch(vector + byte);
    }

    INLINE void fetch(int64_t row, float* to) const {
        if (PACKED)
            unpack<F>((const uint16_t*)half.fixed + row * F, to);
        else
            memcpy(to, (const float*)half.fixed + row * F, F * sizeof(float));
    }

    // The vectors of `count` non-zeros, and zeros up to a multiple of four.
    INLINE void gather(int64_t from, int count, float* to) const {
        for (int k = 0; k < count; k++) {
            prefetch(from + k + AHEAD);
            fetch(half.rows.column[from + k], to + size_t(k) * F);
        }
        memset(to + size_t(count) * F, 0, size_t(to_four(count) - count) * F * sizeof(float));
    }

    static bool holds(int length) { return int64_t(to_four(length)) * F <= HELD_FLOATS; }

    // One pass over a row, gathering on the way; a row that is held stays in its place.
    template <bool FIRST>
    float gathering_pass(Member& m, const Vec* p, Vec* total) const {
        bool holding = holds(m.length);
        float value = 0;
        for (int k = 0; k < m.length; k += GULP) {
            int count = m.length - k < GULP ? m.length - k : GULP;
            float* y = m.held + (holding ? size_t(k) * F : 0);
            gather(m.begin + k, count, y);
            if (half.more) rescale(y, count, m.scale);
            value += pass<F, FIRST>(y, to_four(count), half.rows.confidence + m.begin + k, p, total);
        }
        return value;
    }

    static INLINE void rescale(float* y, int count, const Vec* scale) {
        for (int k = 0; k < count; k++, y += F)
            for (int v = 0; v < N; v++) store(y + VL * v, load(y + VL * v) * scale[v]);
    }

    // A row whose lambda is `more` above the least has D = 1 + more * shrink in place of I: in
    // coordinates sqrt(D) z, with y_k / sqrt(D) for y_k, it is like any other.
    INLINE void own_scale(int64_t row, Vec* scale) const {
        for (int v = 0; v < N; v++)
            for (int lane = 0; lane < VL; lane++)
                scale[v][lane] =
                    1 / __builtin_sqrtf(1 + half.more[row] * half.shrink[VL * v + lane]);
    }

    INLINE void enter_own(int64_t row, Member& m) const {
        own_scale(row, m.scale);
        for (int v = 0; v < N; v++) m.z[v] /= m.scale[v];
    }

    INLINE void leave_own(int64_t row, Vec* z, const Vec* scale) const {
        Vec total = {};
        for (int v = 0; v < N; v++) {
            z[v] *= scale[v];
            total += z[v] * z[v] * load(half.shrink + VL * v);
        }
        half.squared[row] = sum(folded(total));
    }

    INLINE void begin(Member& m) const {
        for (int v = 0; v < N; v++) m.residual[v] = -m.z[v];
        m.value = dot<N>(m.z, m.z) + gathering_pass<true>(m, m.z, m.residual);
        for (int v = 0; v < N; v++) m.direction[v] = m.residual[v];
        m.first = m.squared = dot<N>(m.residual, m.residual);
    }

    INLINE void apply(Member& m) const {
        for (int v = 0; v < N; v++) m.image[v] = m.direction[v];
        if (holds(m.length))
            pass<F, false>(m.held, to_four(m.length), half.rows.confidence + m.begin, m.direction,
                           m.image);
        else
            gathering_pass<false>(m, m.direction, m.image);
    }

    // The objective falls by exactly squared * pace, for conjugate directions.
    INLINE void descend(Member& m) const {
        float curvature = dot<N>(m.direction, m.image);
        float pace = m.squared / (curvature > TINY ? curvature : TINY);
        m.value -= pace * m.squared;
        for (int v = 0; v < N; v++) {
            m.z[v] += m.direction[v] * pace;
            m.residual[v] -= m.image[v] * pace;
        }
        float left = dot<N>(m.residual, m.residual);
        float turn = left / (m.squared > TINY ? m.squared : TINY);
        for (int v = 0; v < N; v++) m.direction[v] = m.residual[v] + m.direction[v] * turn;
        m.squared = left;
        // The residual was carried on from sums as large as the confidences, whose rounding is in
        // it: the true one tells what is left to do.
        if (left <= SOLVED * m.first) begin(m);
    }

    // Steps beyond the usual number, for a row with a confidence that calls for them.
    void persist(Member& m) const {
        float largest = 0;
        for (int k = 0; k < m.length; k++) {
            float c = half.rows.confidence[m.begin + k];
            if (c > largest) largest = c;
        }
        if (largest <= STEEP) return;
        for (int step = 0; step < half.further && m.squared > EXACT * dot<N>(m.z, m.z); step++)
            apply(m), descend(m);
    }

    // Rows first .. first + count - 1, whose starts are at z, and whose solutions replace them.
    double solve(int64_t first, int count, float* z) const {
        Group<F> group;
        double value = 0;
        float* held = buffer;
        for (int q = 0; q < count; q++) {
            Member& m = group.members[q];
            m.begin = half.rows.indptr[first + q];
            m.length = half.rows.indptr[first + q + 1] - int32_t(m.begin);
            m.held = held;
            held += holds(m.length) ? size_t(to_four(m.length)) * F : 0;
            for (int v = 0; v < N; v++) m.z[v] = load(z + size_t(q) * F + VL * v);
            if (half.more) enter_own(first + q, m);
            begin(m);
        }
        for (int step = 0; step < half.steps; step++) {
            for (int q = 0; q < count; q++) apply(group.members[q]);
            for (int q = 0; q < count; q++) descend(group.members[q]);
        }
        for (int q = 0; q < count; q++) {
            Member& m = group.members[q];
            if (half.further) persist(m);
            value += m.value;
            if (half.more) leave_own(first + q, m.z, m.scale);
            for (int v = 0; v < N; v++) store(z + size_t(q) * F + VL * v, m.z[v]);
        }
        return value;
    }

    // Short rows go together; rows are sorted by length, so a group's first is its longest.
    static int together(int length) { return length <= 24 ? 4 : length <= 64 ? 2 : 1; }
};

}  // namespace
