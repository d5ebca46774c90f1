// An array that grows by half, uses huge pages where it is large, and does not clear new memory.
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
class GrowableArray {
    static_assert(std::is_trivially_copyable<T>::value, "moved by realloc");

public:
    GrowableArray() = default;
    GrowableArray(GrowableArray&& other) noexcept { swap(other); }
    GrowableArray(const GrowableArray&) = delete;
    GrowableArray& operator=(const GrowableArray&) = delete;
    ~GrowableArray() { free(data_); }

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
    // Reserves memory for `count` more, so that adding them moves nothing; untouched pages are free.
    void reserve(size_t count) {
        if (count > room_ - size_) grow(size_ + count);
    }
    // Grows to at least `size` elements; new ones are `value`.
    void cover(size_t size, T value) {
        if (size <= size_) return;
        T* at = more(size - size_);
        for (; at < end(); at++) *at = value;
    }
    void clear() { size_ = 0; }
    void cut(size_t size) { size_ = size; }
    // Gives up ownership of the memory, which the caller must `free`.
    T* release() {
        size_ = room_ = 0;
        return std::exchange(data_, nullptr);
    }
    void swap(GrowableArray& other) {
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
        // Including malloc's header the mapping spans whole huge pages, which the kernel aligns.
        if (huge) bytes = (bytes + HEAD + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE - HEAD;
        void* grown = realloc(static_cast<void*>(data_), bytes);
        if (!grown) throw std::bad_alloc();
        data_ = static_cast<T*>(grown);
        room_ = bytes / sizeof(T);
        if (huge) prefer_huge_pages(bytes + HEAD);
    }

    // Advise the whole mapping. Advising a part would split it into two mappings, which mremap cannot
    // move, so that realloc would copy and hold the contents twice.
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

// Most texts are short, and a call of memcpy takes longer than they do.
inline void copy(char* to, const char* from, size_t size) {
    if (size > 16) {
        memcpy(to, from, size);
    } else if (size >= 8) {
        uint64_t head, tail;
        memcpy(&head, from, 8);
        memcpy(&tail, from + size - 8, 8);
        memcpy(to, &head, 8);
        memcpy(to + size - 8, &tail, 8);
    } else {
        for (size_t i = 0; i < size; i++) to[i] = from[i];
    }
}

}  // namespace gigstream
