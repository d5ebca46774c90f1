// The end of a process whose interpreter is held by a call that does not return.
#pragma once
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <thread>

namespace gigstream {

// Ends the process with 0 once a byte has come from `fd` and `seconds` have passed, unless the other
// end of `fd` is closed before. Runs in a thread of its own that needs no Python.
inline void exit_after_byte(int fd, double seconds) {
    std::thread([fd, seconds] {
        using Clock = std::chrono::steady_clock;
        Clock::time_point end = Clock::time_point::max();
        pollfd one{fd, POLLIN, 0};
        for (;;) {
            auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now()).count();
            bool is_armed = end != Clock::time_point::max();
            if (is_armed && left <= 0) _exit(0);
            if (poll(&one, 1, is_armed ? int(left) : -1) <= 0) continue;
            char byte;
            ssize_t got = read(fd, &byte, 1);
            if (got < 0 && errno == EINTR) continue;
            if (got <= 0) break;
            if (!is_armed)
                end = Clock::now() + std::chrono::milliseconds(int64_t(seconds * 1000));
        }
        close(fd);
    }).detach();
}

}  // namespace gigstream
