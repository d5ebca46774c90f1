// Our arrays as numpy arrays, without a copy.
#pragma once
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include "base/growable_array.hpp"

namespace gigstream {

template <class T, int N = 1>
using In = nanobind::ndarray<const T, nanobind::ndim<N>, nanobind::c_contig, nanobind::device::cpu>;
template <class T, int N = 1>
using Out = nanobind::ndarray<T, nanobind::ndim<N>, nanobind::c_contig, nanobind::device::cpu>;

// The name of an argument that is taken as it is: an array of another type or layout is refused.
inline nanobind::arg operator""_x(const char* name, size_t) {
    nanobind::arg strict(name);
    strict.noconvert();
    return strict;
}

// The contents, owned by Python from here on; `array` is empty.
template <class T>
nanobind::object handed_over(GrowableArray<T>& array) {
    size_t size = array.size();
    T* data = array.release();
    nanobind::capsule owner(data ? static_cast<void*>(data) : malloc(1),
                            [](void* at) noexcept { free(at); });
    return nanobind::cast(nanobind::ndarray<nanobind::numpy, T, nanobind::ndim<1>>(data, {size}, owner));
}

}  // namespace gigstream
