// Exact vectors of single rows, in float64, while the other side stands still.
//
// With G = Y'Y + lambda I and a row's k cells (vectors Yk, confidences c, D = diag(c - 1)) the normal
// equations (G + Yk' D Yk) x = Yk' c are solved in one of two ways.
//   Few cells, the dual: x = G^-1 Yk' s where (I + D K) s = c, K = Yk G^-1 Yk' (Woodbury). With
//     U = L^-T, G = L L', the rows of W = Yk U give K = W W'. Neither is c - 1 divided by nor is a
//     root of it taken: any confidence will do.
//   Many cells, or a lambda of its own: the matrix itself is summed up and taken apart by Cholesky.
// Costs in multiplications: k F^2 / 2 + k^2 F / 2 + k^3 / 3 against k F^2 / 2 + F^3 / 6.
#pragma once
#include "kernel/als/als.hpp"
#include "kernel/simd/products.hpp"

namespace {

constexpr int LANES = VL / 2;                // doubles of a vector
constexpr int ACROSS = 2 * LANES;            // columns of a panel
constexpr int DEEP = VL == 16 ? 12 : 6;      // rows of a tile
constexpr int FEW = 32;                      // cells up to which the dual is cheaper
constexpr int GATHERED = 16 * DEEP;          // vectors that are whitened at a time

typedef double Wide __attribute__((vector_size(VL * 4)));
typedef double WideAt __attribute__((vector_size(VL * 4), aligned(8), may_alias));

INLINE Wide load(const double* from) { return *(const WideAt*)from; }
INLINE void store(double* to, Wide value) { *(WideAt*)to = value; }

INLINE double sum(Wide v) {
    double total = v[0];
    for (int lane = 1; lane < LANES; lane++) total += v[lane];
    return total;
}

INLINE int up_to(int n, int multiple) { return (n + multiple - 1) / multiple * multiple; }

typedef Aligned<double> Doubles;

// What all rows have in common if their lambda is the same: U by panels of columns, each as deep
// as it is not zero, and U U'.
struct Shared {
    int width, padded;
    Doubles panels, inverse;

    Shared(const double* upper, const double* whole, int width_)
        : width(width_),
          padded(up_to(width_, ACROSS)),
          panels(size_t(padded) * padded),
          inverse(size_t(padded) * padded) {
        if (padded > width) panels.clear(size_t(padded) * padded);
        if (padded > width) inverse.clear(size_t(padded) * padded);
        for (int row = 0; row < width; row++)
            memcpy(inverse.data + size_t(row) * padded, whole + size_t(row) * width,
                   size_t(width) * 8);
        for (int first = 0; first < padded; first += ACROSS)
            for (int row = 0; row < depth(first); row++)
                for (int column = first; column < first + ACROSS && column < width; column++)
                    panels.data[size_t(first) * padded + size_t(row) * ACROSS + column - first] =
                        upper[size_t(row) * width + column];
    }
    int depth(int first) const { return first + ACROSS < width ? first + ACROSS : width; }
};

// c = a * U for DEEP rows.
INLINE void whiten_tile(const double* a, const Shared& by, int first, double* c) {
    const double* panel = by.panels.data + size_t(first) * by.padded;
    Wide left[DEEP] = {}, right[DEEP] = {};
    int depth = by.depth(first), stride = by.padded;
    for (int k = 0; k < depth; k++) {
        Wide m = load(panel + k * ACROSS), n = load(panel + k * ACROSS + LANES);
#pragma GCC unroll 12
        for (int q = 0; q < DEEP; q++) {
            left[q] += m * a[size_t(q) * stride + k];
            right[q] += n * a[size_t(q) * stride + k];
        }
    }
#pragma GCC unroll 12
    for (int q = 0; q < DEEP; q++) {
        store(c + size_t(q) * stride + first, left[q]);
        store(c + size_t(q) * stride + first + LANES, right[q]);
    }
}

INLINE void whiten(const double* a, int rows, const Shared& by, double* c) {
    for (int row = 0; row < rows; row += DEEP)
        for (int first = 0; first < by.padded; first += ACROSS)
            whiten_tile(a + size_t(row) * by.padded, by, first, c + size_t(row) * by.padded);
}

// Products of row i with rows j .. j + 3.
INLINE void four_products(const double* w, int padded, int i, int j, double* out) {
    Wide total[4] = {};
    const double *a = w + size_t(i) * padded, *b = w + size_t(j) * padded;
    for (int k = 0; k < padded; k += LANES) {
        Wide one = load(a + k);
#pragma GCC unroll 4
        for (int q = 0; q < 4; q++) total[q] += one * load(b + size_t(q) * padded + k);
    }
    for (int q = 0; q < 4; q++) out[q] = sum(total[q]);
}

// to += scale * from, from column `first` or a little before it, up to a vector's boundary.
INLINE void add(double scale, const double* from, int first, int end, double* to) {
    for (int k = first / LANES * LANES; k < end; k += LANES)
        store(to + k, load(to + k) + scale * load(from + k));
}

INLINE void scale(double by, int first, int end, double* row) {
    for (int k = first / LANES * LANES; k < end; k += LANES) store(row + k, load(row + k) * by);
}

// a += left' right, rows i .. i + 3 of the panel of columns at j, over `count` vectors.
INLINE void square_tile(const double* left, const double* right, int count, int stride, int i,
                        int j, double* a) {
    Wide one[4], two[4];
    double* to = a + size_t(i) * stride + j;
    for (int q = 0; q < 4; q++) {
        one[q] = load(to + size_t(q) * stride);
        two[q] = load(to + size_t(q) * stride + LANES);
    }
    for (int k = 0; k < count; k++) {
        const double *l = left + size_t(k) * stride + i, *r = right + size_t(k) * stride + j;
        Wide m = load(r), n = load(r + LANES);
#pragma GCC unroll 4
        for (int q = 0; q < 4; q++) {
            one[q] += m * l[q];
            two[q] += n * l[q];
        }
    }
    for (int q = 0; q < 4; q++) {
        store(to + size_t(q) * stride, one[q]);
        store(to + size_t(q) * stride + LANES, two[q]);
    }
}

// A = U'U in place of A, upper triangles by rows, four rows at a time. `n` fills vectors; below the
// diagonal are zeros up to a vector's boundary, and nothing of use beyond.
INLINE void take_apart(double* a, int n, double* spare) {
    for (int j = 0; j < n; j += 4) {
        for (int q = j; q < j + 4; q++) {
            double* pivot = a + size_t(q) * n;
            scale(1 / __builtin_sqrt(pivot[q]), q, n, pivot);
            for (int k = q / LANES * LANES; k < q; k++) pivot[k] = 0;
            for (int i = q + 1; i < j + 4; i++) add(-pivot[i], pivot, i, n, a + size_t(i) * n);
        }
        for (int k = 0; k < 4 * n; k += LANES) store(spare + k, -load(a + size_t(j) * n + k));
        for (int i = j + 4; i < n; i += 4)
            for (int k = i / ACROSS * ACROSS; k < n; k += ACROSS)
                square_tile(spare, a + size_t(j) * n, 4, n, i, k, a);
    }
}

// U'U x = b, in place of b.
INLINE void solve_apart(const double* u, int n, double* b) {
    for (int j = 0; j < n; j++) {
        const double* row = u + size_t(j) * n;
        double one = b[j] / row[j];
        add(-one, row, j + 1, n, b);
        b[j] = one;
    }
    for (int j = n - 1; j >= 0; j--) {
        const double* row = u + size_t(j) * n;
        int k = j + 1;
        double rest = b[j];
        for (; k % LANES; k++) rest -= row[k] * b[k];
        Wide total = {};
        for (; k < n; k += LANES) total += load(row + k) * load(b + k);
        b[j] = (rest - sum(total)) / row[j];
    }
}

// One thread's work.
struct ExactSolver {
    static constexpr int STRIDE = FEW + LANES;
    const gigstream::Exact& task;
    const Shared* shared;  // or null
    int width, padded;
    Doubles vectors, white, matrix, sums, solved;

    ExactSolver(const gigstream::Exact& task_, const Shared* shared_)
        : task(task_),
          shared(shared_),
          width(task_.width),
          padded(up_to(task_.width, ACROSS)),
          vectors(size_t(GATHERED) * padded),
          white(size_t(GATHERED + 4) * padded),
          matrix(size_t(padded > STRIDE ? padded : STRIDE) * (padded > STRIDE ? padded : STRIDE)),
          sums(padded),
          solved(padded) {
        if (padded > width) vectors.clear(size_t(GATHERED) * padded);
    }

    int length(int64_t row) const { return task.rows.indptr[row + 1] - task.rows.indptr[row]; }

    INLINE void gather(int64_t from, int count, double* to) const {
        for (int k = 0; k < count; k++) {
            const float* vector = task.fixed + int64_t(task.rows.column[from + k]) * width;
            for (int f = 0; f < width; f++) to[size_t(k) * padded + f] = vector[f];
        }
    }

    // Rows [first, last): those of few cells are whitened many at a time.
    void work(int64_t first, int64_t last) {
        while (first < last) {
            if (!shared || length(first) > FEW) {
                solve_many(first++);
                continue;
            }
            int64_t end = first;
            int cells = 0;
            while (end < last && length(end) <= FEW && cells + length(end) <= GATHERED)
                cells += length(end++);
            gather(task.rows.indptr[first], cells, vectors.data);
            whiten(vectors.data, cells, *shared, white.data);
            size_t at = 0;
            for (; first < end; at += size_t(length(first++)) * padded)
                solve_few(first, vectors.data + at, white.data + at);
        }
    }

    void solve_few(int64_t row, const double* y, const double* w) {
        int n = length(row);
        equations(w, n, task.rows.confidence + task.rows.indptr[row]);
        double* s = eliminated(n);
        sums.clear(padded);
        for (int k = 0; k < n; k++)
            add(s[size_t(k) * STRIDE], y + size_t(k) * padded, 0, padded, sums.data);
        solved.clear(padded);
        for (int f = 0; f < width; f++)
            add(sums.data[f], shared->inverse.data + size_t(f) * padded, 0, padded, solved.data);
        put(row);
    }

    // I + D K and, as one more column, c.
    INLINE void equations(const double* w, int n, const float* c) {
        double* m = matrix.data;
        for (int i = 0; i < n; i++)
            for (int j = 0; j <= i; j += 4) four_products(w, padded, i, j, m + i * STRIDE + j);
        for (int i = 0; i < n; i++)
            for (int j = 0; j < i; j++) m[j * STRIDE + i] = m[i * STRIDE + j];
        for (int i = 0; i < n; i++) {
            double d = double(c[i]) - 1;
            for (int j = 0; j < n; j++) m[i * STRIDE + j] *= d;
            m[i * STRIDE + i] += 1;
            m[i * STRIDE + n] = c[i];
        }
    }

    // Gauss and Jordan with pivots by rows; returns the last column, STRIDE apart.
    INLINE double* eliminated(int n) {
        double* m = matrix.data;
        for (int j = 0; j < n; j++) {
            double* pivot = m + j * STRIDE;
            int best = j;
            for (int i = j + 1; i < n; i++)
                if (__builtin_fabs(m[i * STRIDE + j]) > __builtin_fabs(m[best * STRIDE + j])) best = i;
            if (best != j)
                for (int k = j; k <= n; k++) {
                    double kept = pivot[k];
                    pivot[k] = m[best * STRIDE + k];
                    m[best * STRIDE + k] = kept;
                }
            scale(1 / pivot[j], j, n + 1, pivot);
            for (int i = 0; i < n; i++)
                if (i != j) add(-m[i * STRIDE + j], pivot, j, n + 1, m + i * STRIDE);
        }
        return m + n;
    }

    void solve_many(int64_t row) {
        double* a = matrix.data;
        if (padded > width) memset(a, 0, size_t(padded) * padded * 8);
        for (int i = 0; i < padded; i++) a[size_t(i) * padded + i] = 1;  // beyond the width
        for (int i = 0; i < width; i++) {
            memcpy(a + size_t(i) * padded, task.gram + size_t(i) * width, size_t(width) * 8);
            a[size_t(i) * padded + i] += task.penalty[task.penalty_step * row];
        }
        solved.clear(padded);
        int64_t from = task.rows.indptr[row], end = task.rows.indptr[row + 1];
        for (; from < end; from += GATHERED)
            add_cells(from, end - from < GATHERED ? int(end - from) : GATHERED);
        take_apart(a, padded, white.data);
        solve_apart(a, padded, solved.data);
        put(row);
    }

    INLINE void add_cells(int64_t from, int count) {
        gather(from, count, vectors.data);
        for (int k = 0; k < count; k++) {
            double c = task.rows.confidence[from + k];
            const double* y = vectors.data + size_t(k) * padded;
            for (int f = 0; f < padded; f++) white.data[size_t(k) * padded + f] = (c - 1) * y[f];
            add(c, y, 0, padded, solved.data);
        }
        for (int i = 0; i < padded; i += 4)
            for (int j = i / ACROSS * ACROSS; j < padded; j += ACROSS)
                square_tile(white.data, vectors.data, count, padded, i, j, matrix.data);
    }

    INLINE void put(int64_t row) const {
        for (int f = 0; f < width; f++) task.out[row * width + f] = float(solved.data[f]);
    }
};

void solve_exactly(const gigstream::Exact& task) {
    constexpr int64_t TOGETHER = 16;  // rows that a thread takes at a time
    bool dual = task.upper;
    Shared shared(task.upper, task.inverse, dual ? task.width : 0);
    int64_t parts = (task.rows.count + TOGETHER - 1) / TOGETHER;
#pragma omp parallel num_threads(parts < task.threads ? int(parts) : task.threads) if (parts > 1)
    {
        ExactSolver solver(task, dual ? &shared : nullptr);
#pragma omp for schedule(dynamic, 1)
        for (int64_t part = 0; part < parts; part++) {
            int64_t first = part * TOGETHER, last = first + TOGETHER;
            solver.work(first, last < task.rows.count ? last : task.rows.count);
        }
    }
}

}  // namespace
