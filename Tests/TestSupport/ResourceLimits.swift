import SystemPackage

#if canImport(Glibc)
import Glibc

/// Lets this process have no more than `bytes` bytes of addresses beyond those that it has now. For tests in a process of their own.
package func limitAddresses(toFurther bytes: Int) throws {
    let pages = String(decoding: try readBytes("/proc/self/statm"), as: UTF8.self).split(separator: " ").first
    let used = (pages.flatMap { Int($0) } ?? 0) * sysconf(Int32(_SC_PAGESIZE))
    var limit = rlimit()
    precondition(unsafe getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) == 0)
    limit.rlim_cur = rlim_t(used + bytes)
    precondition(unsafe setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) == 0)
}
#endif
