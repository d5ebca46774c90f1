// Order and shape of the work: rows by degree and by what they share, the transpose, stripes.
#pragma once
#include <vector>

#include "kernel/als/als.hpp"

namespace gigstream {

// Rows by length, longest first; equal lengths in row order.
void by_length(const int32_t* length, int64_t rows, int32_t* order);

struct Relabelled {
    int32_t* indptr;
    int32_t* column;
    float* confidence;
};

// The matrix and its transpose with rows and columns in these orders (new -> old).
// `row_order` and `rank` (old column -> new) name them; `by_column.indptr` is filled already.
void relabel(const Rows& from, const int32_t* row_order, const int32_t* rank, int64_t columns,
             Relabelled by_row, Relabelled by_column, int threads);

// Numbers that are alike where rows and columns have cells in common: in each round every row's
// becomes the mean of its columns', then every column's that of its rows'. Those that start apart
// come together within a cluster long before clusters do. `per_column` counts columns' cells.
void smooth(const Rows& cells, const int32_t* per_column, int64_t columns, int rounds,
            float* of_rows, float* of_columns, int threads);

std::vector<Stripe> stripes(const int32_t* indptr, int64_t rows, int width);

}  // namespace gigstream
