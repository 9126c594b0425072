#include "rnnfast/threads.hpp"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <vector>

using rnnfast::choose_threads;
using rnnfast::Index;
using rnnfast::Poll;
using rnnfast::Threads;

TEST_CASE("every rank runs once, with a share of its own, and shares cover everything in order") {
    for (const Index count : {1, 2, 5}) {
        Threads threads(count);
        for (const Index n : {0, 1, 7, 16, 100}) {
            std::vector<std::atomic<int>> touched(static_cast<std::size_t>(n));
            Poll poll;
            threads.run(poll, [&](Index rank, Poll&) {
                const auto own = threads.share(n, 16, rank);
                CHECK((own.begin % 16 == 0 || own.begin == n));
                for (Index i = own.begin; i < own.end; ++i) ++touched[static_cast<std::size_t>(i)];
            });
            for (const auto& times : touched) CHECK(times == 1);
        }
    }
}

TEST_CASE("what was written before a meeting is seen after it") {
    Threads threads(4);
    Poll poll;
    std::vector<int> written(4);
    std::atomic<int> wrong{0};
    threads.run(poll, [&](Index rank, Poll& own) {
        for (int turn = 1; turn <= 1000; ++turn) {
            written[static_cast<std::size_t>(rank)] = turn;
            threads.meet(own);
            for (const int other : written) wrong += other != turn;
            threads.meet(own);
        }
    });
    CHECK(wrong == 0);
}

TEST_CASE("the lowest rank's exception comes out, the others end at their next poll or meeting, and all goes on") {
    Threads threads(3);
    Poll poll;
    for (const Index failing : {0, 1, 2}) {
        CHECK_THROWS_WITH_AS(threads.run(poll,
                                         [&](Index rank, Poll& own) {
                                             if (rank == failing) throw std::runtime_error(std::to_string(rank));
                                             if (rank == 0 || rank == 1)
                                                 while (true) own(Index{1} << 20);
                                             threads.meet(own);
                                         }),
                             std::to_string(failing).c_str(), std::runtime_error);
        std::atomic<int> ran{0};
        threads.run(poll, [&](Index, Poll&) { ++ran; });
        CHECK(ran == 3);
    }
}

TEST_CASE("rank 0 has the caller's poll, whose exception ends the call") {
    int calls = 0;
    Poll poll(
        [&calls] {
            if (++calls == 3) throw std::string("interrupted");
        },
        std::chrono::milliseconds(0));
    Threads threads(2);
    CHECK_THROWS_AS(threads.run(poll,
                                [](Index, Poll& own) {
                                    while (true) own();
                                }),
                    std::string);
    CHECK(calls == 3);
}

TEST_CASE("a child process makes threads of its own, also for a crew made before the fork") {
    Threads threads(2);
    Poll poll;
    const auto sum = [&] {
        std::atomic<int> ranks{0};
        threads.run(poll, [&](Index rank, Poll&) { ranks += 1 + static_cast<int>(rank); });
        return ranks.load();
    };
    REQUIRE(sum() == 3);
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        alarm(20);
        _exit(sum() == 3 ? 0 : 1);
    }
    int status = -1;
    waitpid(child, &status, 0);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
    CHECK(sum() == 3);
}

TEST_CASE("how many: what is asked for, else the environment, else what pays") {
    unsetenv("RNNFAST_NUM_THREADS");
    CHECK(choose_threads(3, 0) == 3);
    CHECK(choose_threads(0, 1e6) == 1);
    CHECK(choose_threads(0, 1e15) == rnnfast::available_processors());
    setenv("RNNFAST_NUM_THREADS", "5", 1);
    CHECK(choose_threads(0, 0) == 5);
    CHECK(choose_threads(2, 0) == 2);
    for (const char* wrong : {"0", "-1", "two", "2x", "99999999999999999999"}) {
        setenv("RNNFAST_NUM_THREADS", wrong, 1);
        const std::string message = "RNNFAST_NUM_THREADS is " + std::string(wrong) + ", expected 1 to 1024";
        CHECK_THROWS_WITH_AS(choose_threads(0, 0), message.c_str(), std::invalid_argument);
    }
    unsetenv("RNNFAST_NUM_THREADS");
    CHECK_THROWS_WITH_AS(choose_threads(-2, 0), "num_threads is -2, expected 1 to 1024", std::invalid_argument);
    CHECK_THROWS_WITH_AS(Threads(0), "num_threads is 0, expected 1 to 1024", std::invalid_argument);
    CHECK_THROWS_WITH_AS(Threads(1025), "num_threads is 1025, expected 1 to 1024", std::invalid_argument);
}

TEST_CASE("rank 0 polls while it waits for the others, at their meeting and at the end") {
    for (const bool at_meeting : {true, false}) {
        bool interrupted = false;
        Poll poll(
            [&] {
                interrupted = true;
                throw std::string("interrupted");
            },
            std::chrono::milliseconds(0));
        Threads threads(2);
        CHECK_THROWS_AS(threads.run(poll,
                                    [&](Index rank, Poll& own) {
                                        if (rank == 0 && at_meeting) threads.meet(own);
                                        if (rank == 1)
                                            while (true) own();
                                    }),
                        std::string);
        CHECK(interrupted);
    }
}
