// Memory in whole huge pages, which grows by being moved, not copied.
//
// realloc copies what `madvise` was told of, so that for a while there are two of it: the call split
// the mapping, and one that is split the kernel does not move.
#pragma once
#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <new>

namespace gigstream {

constexpr size_t HUGE_PAGE = size_t(1) << 21;

inline size_t whole_pages(size_t bytes) { return (bytes + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1); }

// Asks for huge pages where whole ones fit in.
inline void prefer_huge_pages(void* at, size_t bytes) {
#ifdef MADV_HUGEPAGE
    uintptr_t first = whole_pages(reinterpret_cast<uintptr_t>(at));
    uintptr_t end = (reinterpret_cast<uintptr_t>(at) + bytes) & ~(HUGE_PAGE - 1);
    if (first < end) madvise(reinterpret_cast<void*>(first), end - first, MADV_HUGEPAGE);
#endif
}

#ifdef MREMAP_FIXED

constexpr bool CAN_MOVE_PAGES = true;

// Addresses of so many bytes (whole pages), aligned, with nothing there yet.
inline char* addresses(size_t bytes) {
    constexpr int FLAGS = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    void* found = mmap(nullptr, bytes + HUGE_PAGE, PROT_NONE, FLAGS, -1, 0);
    if (found == MAP_FAILED) throw std::bad_alloc();
    char* whole = static_cast<char*>(found);
    size_t before = whole_pages(reinterpret_cast<uintptr_t>(whole)) - reinterpret_cast<uintptr_t>(whole);
    if (before) munmap(whole, before);
    munmap(whole + before + bytes, HUGE_PAGE - before);
    return whole + before;
}

inline void* new_pages(size_t bytes) {
    constexpr int FLAGS = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
    char* at = addresses(bytes);
    if (mmap(at, bytes, PROT_READ | PROT_WRITE, FLAGS, -1, 0) == MAP_FAILED) {
        munmap(at, bytes);
        throw std::bad_alloc();
    }
    prefer_huge_pages(at, bytes);
    return at;
}

// The same pages elsewhere, and more of them: both addresses are aligned, so that they stay huge.
inline void* moved_pages(void* at, size_t before, size_t bytes) {
    char* to = addresses(bytes);
    if (mremap(at, before, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, to) == MAP_FAILED) {
        munmap(to, bytes);
        throw std::bad_alloc();
    }
    return to;
}

inline void free_pages(void* at, size_t bytes) { munmap(at, bytes); }

#else

constexpr bool CAN_MOVE_PAGES = false;

inline void* new_pages(size_t) { throw std::bad_alloc(); }
inline void* moved_pages(void*, size_t, size_t) { throw std::bad_alloc(); }
inline void free_pages(void*, size_t) {}

#endif

}  // namespace gigstream
