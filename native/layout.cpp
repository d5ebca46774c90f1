#include "layout.hpp"

#include <algorithm>

#ifdef _OPENMP
#include <omp.h>
#else
static int omp_get_thread_num() { return 0; }
static int omp_get_num_threads() { return 1; }
#endif

namespace gigstream {

void by_length(const int32_t* length, int64_t rows, int32_t* order) {
    int32_t longest = 0;
    for (int64_t row = 0; row < rows; row++) longest = std::max(longest, length[row]);
    std::vector<int64_t> next(size_t(longest) + 2);
    for (int64_t row = 0; row < rows; row++) next[longest - length[row] + 1]++;
    for (size_t i = 1; i < next.size(); i++) next[i] += next[i - 1];
    for (int64_t row = 0; row < rows; row++) order[next[longest - length[row]]++] = int32_t(row);
}

static void copy_rows(const Rows& from, const int32_t* order, const int32_t* rank,
                      const Relabelled& to, int threads) {
    to.indptr[0] = 0;
    for (int64_t row = 0; row < from.count; row++)
        to.indptr[row + 1] =
            to.indptr[row] + from.indptr[order[row] + 1] - from.indptr[order[row]];
#pragma omp parallel for schedule(dynamic, 512) num_threads(threads)
    for (int64_t row = 0; row < from.count; row++) {
        int64_t source = from.indptr[order[row]], target = to.indptr[row];
        int length = to.indptr[row + 1] - to.indptr[row];
        for (int k = 0; k < length; k++) {
            to.column[target + k] = rank[from.column[source + k]];
            to.confidence[target + k] = from.confidence[source + k];
        }
    }
}

static void mean_of_columns(const Rows& cells, const float* of_columns, float* of_rows,
                            int threads) {
#pragma omp parallel for schedule(dynamic, 512) num_threads(threads)
    for (int64_t row = 0; row < cells.count; row++) {
        float total = 0;
        for (int32_t k = cells.indptr[row]; k < cells.indptr[row + 1]; k++)
            total += of_columns[cells.column[k]];
        of_rows[row] = total / float(std::max(cells.indptr[row + 1] - cells.indptr[row], 1));
    }
}

// Each thread sums up a range of columns, rows ascending: the same for any number of threads.
static void mean_of_rows(const Rows& cells, const float* of_rows, int64_t columns,
                         float* of_columns, int threads) {
#pragma omp parallel num_threads(threads)
    {
        int64_t number = omp_get_thread_num(), all = omp_get_num_threads();
        int64_t low = columns * number / all, high = columns * (number + 1) / all;
        std::vector<float> total(size_t(high - low)), count(size_t(high - low));
        for (int64_t row = 0; row < cells.count; row++)
            for (int32_t k = cells.indptr[row]; k < cells.indptr[row + 1]; k++) {
                int64_t column = cells.column[k] - low;
                if (column < 0 || column >= high - low) continue;
                total[column] += of_rows[row];
                count[column]++;
            }
        for (int64_t column = low; column < high; column++)
            of_columns[column] = total[column - low] / std::max(count[column - low], 1.f);
    }
}

void smooth(const Rows& cells, int64_t columns, int rounds, float* of_rows, float* of_columns,
            int threads) {
    for (int round = 0; round < rounds; round++) {
        mean_of_columns(cells, of_columns, of_rows, threads);
        mean_of_rows(cells, of_rows, columns, of_columns, threads);
    }
}

// Each thread fills a range of columns with about the same number of non-zeros, rows ascending:
// the same result for any number of threads.
static void transpose(const Relabelled& from, int64_t rows, const Relabelled& to, int64_t columns,
                      int threads) {
#pragma omp parallel num_threads(threads)
    {
        int64_t nonzeros = to.indptr[columns], number = omp_get_thread_num();
        auto bound = [&](int64_t share) {
            int32_t begin = int32_t(nonzeros * share / omp_get_num_threads());
            return std::lower_bound(to.indptr, to.indptr + columns, begin) - to.indptr;
        };
        int32_t low = int32_t(bound(number));
        int32_t high = int32_t(number + 1 == omp_get_num_threads() ? columns : bound(number + 1));
        std::vector<int32_t> next(to.indptr + low, to.indptr + std::max(low, high));
        for (int64_t row = 0; row < rows; row++)
            for (int32_t k = from.indptr[row]; k < from.indptr[row + 1]; k++) {
                int32_t column = from.column[k];
                if (column < low || column >= high) continue;
                int32_t place = next[column - low]++;
                to.column[place] = int32_t(row);
                to.confidence[place] = from.confidence[k];
            }
    }
}

void relabel(const Rows& from, const int32_t* row_order, const int32_t* rank, int64_t columns,
             Relabelled by_row, Relabelled by_column, int threads) {
    copy_rows(from, row_order, rank, by_row, threads);
    transpose(by_row, from.count, by_column, columns, threads);
}

// About SHARES stripes of equal work, so that threads end together; never so many rows that a
// float32 Gram matrix of one of them loses digits.
std::vector<Stripe> stripes(const int32_t* indptr, int64_t rows, int width) {
    constexpr int64_t SHARES = 256, MOST_ROWS = 4096;
    int64_t per_row = width / 8 + 8;  // whitening and Gram, in units of one non-zero's four passes
    int64_t share = (indptr[rows] + rows * per_row) / SHARES + 1;
    std::vector<Stripe> found;
    int64_t first = 0, work = 0;
    for (int64_t row = 0; row < rows; row++) {
        work += indptr[row + 1] - indptr[row] + per_row;
        if (work < share && row + 1 - first < MOST_ROWS && row + 1 < rows) continue;
        found.push_back({first, row + 1});
        first = row + 1, work = 0;
    }
    return found;
}

}  // namespace gigstream
