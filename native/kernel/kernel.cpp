// The parallel loops of one instruction set. Compiled with -DISA=portable|v3|v4|bf16 and its VL.
//
// Everything is in an unnamed namespace and no std:: template is used: the linker keeps one copy
// of an inline function, and it might be the AVX-512 one on a machine that has none.
#include "kernel/als/exact.hpp"
#include "kernel/als/short_rows.hpp"
#include "kernel/topn/sift.hpp"
#include "kernel/als/sums.hpp"

#define JOINED(a, b) a##b
#define NAMED(a, b) JOINED(a, b)
#define TEXT(a) #a
#define QUOTED(a) TEXT(a)

namespace {

template <int F>
constexpr size_t square = size_t(F) * F;
template <int F>
constexpr size_t block_floats = size_t(BLOCK) * F;

INLINE int at_most(int64_t value, int bound) { return value < bound ? int(value) : bound; }

// One thread's work on a half-step, stripe after stripe.
template <int F, class Cells>
struct Worker {
    typedef typename Cells::Number Number;
    const Half& half;
    const Number* panels;
    Buffer vectors{HELD_FLOATS}, block{block_floats<F>}, spare{block_floats<F>};
    Buffer gram{square<F>};
    RowSolver<F, Cells> solver{half, vectors.data};

    Worker(const Half& half_, const Number* panels_) : half(half_), panels(panels_) {}

    int length(int64_t row) const { return half.rows.indptr[row + 1] - half.rows.indptr[row]; }

    bool few(int64_t row) const { return length(row) <= half.few; }

    // How many of `most` rows are no longer than the first, and solved as it is.
    int alike(int64_t first, int most) const {
        int count = 1;
        while (count < most && length(first + count) <= length(first) &&
               few(first + count) == few(first))
            count++;
        return count;
    }

    double solve_block(int64_t first, int count) {
        double value = 0;
        for (int done = 0; done < count;) {
            float* z = block.data + size_t(done) * F;
            int longest = length(first + done);
            int most = few(first + done) ? VL : solver.together(longest);
            int group = alike(first + done, at_most(count - done, most));
            if (few(first + done) && longest)
                value += solve_short(solver, first + done, group, z);
            else if (longest)
                value += solver.solve(first + done, group, z);
            else
                clear(first + done, group, z);
            done += group;
        }
        return value;
    }

    void clear(int64_t first, int count, float* z) {
        memset(z, 0, size_t(count) * F * sizeof(float));
        if (half.more) memset(half.squared + first, 0, size_t(count) * sizeof(float));
    }

    double work(Stripe stripe) {
        double value = 0;
        gram.clear(square<F>);
        for (int64_t row = stripe.first; row < stripe.last; row += BLOCK) {
            int count = at_most(stripe.last - row, BLOCK);
            int begun = count;  // rows of few cells need no start
            while (begun && few(row + begun - 1)) begun--;
            Number* numbers = (Number*)spare.data;
            block_times<F>(half.start + row * F, begun, panels, numbers, block.data);
            value += solve_block(row, count);
            memcpy(half.out + row * F, block.data, size_t(count) * F * sizeof(float));
            add_block_gram<F>(block.data, count, numbers, gram.data);
        }
        return value;
    }
};

template <int F, class Cells>
double solve_all(const Half& half) {
    Buffer room(square<F>);
    auto panels = (typename Cells::Number*)room.data;
    arrange<F>(half.change, panels);
    OrderedSums sums(half.stripe_count, F, half.gram);
#pragma omp parallel num_threads(half.threads)
    {
        Worker<F, Cells> worker(half, panels);
#pragma omp for schedule(dynamic, 1)
        for (int64_t s = 0; s < half.stripe_count; s++) {
            double value = worker.work(half.stripes[s]);
            sums.add(s, worker.gram.data, value);
        }
    }
    return sums.finish();
}

template <int F>
void put(const Product& product, int64_t row, int count, const float* block) {
    if (product.plain) memcpy(product.plain + row * F, block, size_t(count) * F * sizeof(float));
    if (product.packed) pack(block, count * F, product.packed + row * F);
    if (product.scattered)
        for (int q = 0; q < count; q++)
            memcpy(product.scattered + int64_t(product.order[row + q]) * product.factors,
                   block + size_t(q) * F, size_t(product.factors) * sizeof(float));
}

template <int F>
void multiply_all(const Product& product) {
    Buffer panels(square<F>);
    arrange<F>(product.change, panels.data);
#pragma omp parallel num_threads(product.threads)
    {
        Buffer block(block_floats<F>), spare(block_floats<F>);
#pragma omp for schedule(dynamic, 16)
        for (int64_t row = 0; row < product.count; row += BLOCK) {
            int count = at_most(product.count - row, BLOCK);
            block_times<F>(product.rows + row * F, count, panels.data, spare.data, block.data);
            put<F>(product, row, count, block.data);
        }
    }
}

template <int F>
void gram_all(const float* rows, const Stripe* stripes, int64_t count, int threads, double* out) {
    OrderedSums sums(count, F, out);
#pragma omp parallel num_threads(threads)
    {
        Buffer gram(square<F>);
#pragma omp for schedule(dynamic, 1)
        for (int64_t s = 0; s < count; s++) {
            gram.clear(square<F>);
            add_gram<F>(rows + stripes[s].first * F, int(stripes[s].last - stripes[s].first),
                        gram.data);
            sums.add(s, gram.data, 0);
        }
    }
    sums.finish();
}

// The widths that are compiled; factors are padded with zeros to the next one.
#define WITH_WIDTH(width, call)                   \
    switch (width) {                              \
        case 32: { constexpr int F = 32; call; }    \
        case 64: { constexpr int F = 64; call; }    \
        case 96: { constexpr int F = 96; call; }    \
        case 128: { constexpr int F = 128; call; }  \
        case 192: { constexpr int F = 192; call; }  \
        case 256: { constexpr int F = 256; call; }  \
        case 384: { constexpr int F = 384; call; }  \
        default: { constexpr int F = 512; call; }   \
    }

#ifdef __AVX512BF16__
template <int F>
using Packed = Pairs<F>;
#else
template <int F>
using Packed = Floats<F, true>;
#endif

template <int F>
double solve_width(const Half& half) {
    if (!half.packed) return solve_all<F, Floats<F, false>>(half);
    return half.more ? solve_all<F, Floats<F, true>>(half) : solve_all<F, Packed<F>>(half);
}

double solve(const Half& half) { WITH_WIDTH(half.width, return solve_width<F>(half)) }

void multiply(const Product& product) { WITH_WIDTH(product.width, return multiply_all<F>(product)) }

void gram(const float* rows, int64_t, int width, const Stripe* stripes, int64_t count, int threads,
          double* out) {
    WITH_WIDTH(width, return gram_all<F>(rows, stripes, count, threads, out))
}

const Kernel KERNEL = {QUOTED(ISA), solve, multiply, gram, {sift, PANEL}, solve_exactly};

}  // namespace

namespace gigstream {
const Kernel* NAMED(kernel_, ISA)() { return &KERNEL; }
}  // namespace gigstream
