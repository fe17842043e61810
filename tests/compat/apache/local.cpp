// SPDX-License-Identifier: Apache-2.0
// local <libmesos> <stubs> [<port of a master>]: Apache Mesos's own master and agents, as its drivers start them for
// the master "local", in this process, until it is killed. Flags are environment variables: MESOS_NUM_SLAVES,
// MESOS_WORK_DIR, LIBPROCESS_PORT, …. With a port the agents are told that the master at that port of 127.0.0.1 leads,
// not the one beside them. For PAUSE seconds, if that is set, it listens already and knows no paths.
//
// The library is looked into by its symbols: its headers, and those they include, are not to be had.
#include <dlfcn.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

constexpr unsigned long LOOPBACK = 127 + (1 << 24); // in network order, as MasterInfo has it
constexpr char PARSE[] = "_ZN6google8protobuf11MessageLite14ParseFromArrayEPKvi";
constexpr char APPOINT[] = "_ZN5mesos6master8detector24StandaloneMasterDetector7appointERK6OptionINS_10MasterInfoEE";
constexpr char INITIALIZE[] =
    "_ZN7process10initializeERK6OptionINSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEEES9_S9_";
constexpr char FRAMEWORK_INFO[] = "_ZN5mesos13FrameworkInfoC1Ev";
constexpr char DRIVER[] =
    "_ZN5mesos20MesosSchedulerDriverC1EPNS_9SchedulerERKNS_13FrameworkInfoERKNSt7__cxx1112basic_stringIc"
    "St11char_traitsIcESaIcEEE";

// Option<std::string>, which says first whether there is one.
struct Text {
    int is_none;
    std::string value;
};

void *load(const char *path) {
    void *library = dlopen(path, RTLD_LAZY | RTLD_GLOBAL);

    if (library == nullptr) {
        fprintf(stderr, "%s\n", dlerror());
        exit(1);
    }
    return library;
}

template <typename Function> Function *find(void *library, const char *name) {
    void *found = dlsym(library, name);

    if (found == nullptr) {
        fprintf(stderr, "%s\n", dlerror());
        exit(1);
    }
    return reinterpret_cast<Function *>(found);
}

// A MasterInfo, byte by byte.

std::string varint(unsigned long value) {
    std::string bytes;

    for (; value > 127; value >>= 7)
        bytes += static_cast<char>(value | 128);
    return bytes + static_cast<char>(value);
}

std::string number(unsigned field, unsigned long value) {
    return varint(field << 3) + varint(value);
}

std::string text(unsigned field, const std::string &value) {
    return varint(field << 3 | 2) + varint(value.size()) + value;
}

std::string master_info(const std::string &port) {
    const std::string host = "127.0.0.1";
    const unsigned long number_of_port = strtoul(port.c_str(), nullptr, 10);

    return text(1, "told") + number(2, LOOPBACK) + number(3, number_of_port) + text(4, "master@" + host + ":" + port) +
           text(5, host) + text(6, "1.11.0") + text(7, text(1, host) + text(2, host) + number(3, number_of_port));
}

// What local::launch() says to the detector of its agents is corrected on the way: for that the function begins with a
// jump to ours, which puts back the first bytes to call it.

using Parse = bool(void *message, const void *data, int size);
using Appoint = void(void *detector, void *leader);

Parse *parse;
Appoint *appoint;
std::string leader_bytes;
unsigned char saved[12];

void poke(const unsigned char *code) {
    memcpy(reinterpret_cast<void *>(appoint), code, sizeof(saved));
}

void divert(Appoint *to) {
    unsigned char code[sizeof(saved)] = {0x48, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xe0}; // mov to, %rax; jmp *%rax

    memcpy(code + 2, &to, sizeof(to));
    poke(code);
}

// @leader: an Option<MasterInfo>, whose message follows the word that says that there is one.
void appoint_another(void *detector, void *leader) {
    if (!parse(static_cast<char *>(leader) + 8, leader_bytes.data(), static_cast<int>(leader_bytes.size())))
        abort();
    poke(saved);
    appoint(detector, leader);
    divert(appoint_another);
}

void follow(void *library, const char *port) {
    const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));

    leader_bytes = master_info(port);
    parse = find<Parse>(library, PARSE);
    appoint = find<Appoint>(library, APPOINT);
    memcpy(saved, reinterpret_cast<void *>(appoint), sizeof(saved));
    if (mprotect(reinterpret_cast<void *>(reinterpret_cast<uintptr_t>(appoint) & ~(page - 1)), 2 * page,
                 PROT_READ | PROT_WRITE | PROT_EXEC) < 0) {
        perror("mprotect");
        exit(1);
    }
    divert(appoint_another);
}

} // namespace

int main(int argc, char **argv) {
    if (argc < 3)
        return 2;
    load(argv[2]);
    void *library = load(argv[1]);

    if (argc > 3)
        follow(library, argv[3]);
    // It leads to libraries that the programs which are started from here must not meet.
    unsetenv("LD_LIBRARY_PATH");
    // As their programs do: what is not found is looked for below this.
    find<bool(const Text &, const Text &, const Text &)>(library, INITIALIZE)({0, argc > 3 ? "slave(1)" : "master"},
                                                                              {1, ""}, {1, ""});
    if (const char *seconds = getenv("PAUSE"))
        sleep(static_cast<unsigned>(atoi(seconds)));
    // Both are smaller; they live as long as we do.
    alignas(16) static char framework[8192], driver[8192];
    const std::string master = "local";

    find<void(void *)>(library, FRAMEWORK_INFO)(framework);
    find<void(void *, void *, void *, const std::string &)>(library, DRIVER)(driver, nullptr, framework, master);
    for (;;)
        pause();
}
