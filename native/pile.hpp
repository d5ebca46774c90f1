// An array that grows, in huge pages where it is huge, and does not clear what it grows by.
#pragma once
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <type_traits>
#include <utility>

namespace gigstream {

template <class T>
class Pile {
    static_assert(std::is_trivially_copyable<T>::value, "moved by realloc");

public:
    Pile() = default;
    Pile(const Pile&) = delete;
    Pile& operator=(const Pile&) = delete;
    ~Pile() { free(data_); }

    size_t size() const { return size_; }
    T* data() { return data_; }
    const T* data() const { return data_; }
    T& operator[](size_t i) { return data_[i]; }
    const T& operator[](size_t i) const { return data_[i]; }
    T* begin() { return data_; }
    T* end() { return data_ + size_; }
    const T* begin() const { return data_; }
    const T* end() const { return data_ + size_; }

    // Room for `count` more, not cleared; returns where they begin.
    T* more(size_t count) {
        if (count > room_ - size_) grow(size_ + count);
        size_ += count;
        return data_ + size_ - count;
    }
    void push(T value) { *more(1) = value; }
    // Room for so many more, so that they come without a move; what is not used costs nothing.
    void reserve(size_t count) {
        if (count > room_ - size_) grow(size_ + count);
    }
    // At least so many, the new ones being `value`.
    void cover(size_t size, T value) {
        if (size <= size_) return;
        T* at = more(size - size_);
        for (; at < end(); at++) *at = value;
    }
    void clear() { size_ = 0; }
    void cut(size_t size) { size_ = size; }
    // Hands the memory over, to be freed by `free`.
    T* release() {
        size_ = room_ = 0;
        return std::exchange(data_, nullptr);
    }
    void swap(Pile& other) {
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
        std::swap(room_, other.room_);
    }

private:
    static constexpr size_t HUGE_PAGE = size_t(1) << 21, HEAD = 32;

    void grow(size_t wanted) {
        size_t room = room_ + room_ / 2 > wanted ? room_ + room_ / 2 : wanted + 16;
        size_t bytes = room * sizeof(T);
        bool huge = bytes >= 8 * HUGE_PAGE;
        // With what malloc puts before it, a mapping of whole huge pages, which the kernel aligns.
        if (huge) bytes = (bytes + HEAD + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE - HEAD;
        void* grown = realloc(static_cast<void*>(data_), bytes);
        if (!grown) throw std::bad_alloc();
        data_ = static_cast<T*>(grown);
        room_ = bytes / sizeof(T);
        if (huge) prefer_huge_pages(bytes + HEAD);
    }

    // All of the mapping: told of a part, the kernel makes two mappings of it, which it does not
    // move, and then realloc copies, so that there are two of the contents for a while.
    void prefer_huge_pages(size_t bytes) {
#ifdef MADV_HUGEPAGE
        uintptr_t page = uintptr_t(getpagesize());
        uintptr_t first = reinterpret_cast<uintptr_t>(data_) / page * page;
        madvise(reinterpret_cast<void*>(first), bytes, MADV_HUGEPAGE);
#endif
    }

    T* data_ = nullptr;
    size_t size_ = 0, room_ = 0;
};

}  // namespace gigstream
