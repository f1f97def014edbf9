#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Runs `body` on a thread that nobody waits for; false where the system refuses one.
func startThread(_ body: @escaping @Sendable () -> Void) -> Bool {
    #if canImport(Glibc)
    var handle = pthread_t()
    #else
    var handle: pthread_t?
    #endif
    let work = unsafe Unmanaged.passRetained(Work(body: body))
    let result = unsafe pthread_create(
        &handle, nil,
        { context in
            #if canImport(Glibc)
            let context = unsafe context!
            #endif
            unsafe Unmanaged<Work>.fromOpaque(context).takeRetainedValue().body()
            return nil
        }, work.toOpaque())
    guard result == 0 else {
        unsafe work.release()
        return false
    }
    #if canImport(Glibc)
    pthread_detach(handle)
    #else
    if let handle { pthread_detach(handle) }
    #endif
    return true
}

private final class Work: Sendable {
    let body: @Sendable () -> Void

    init(body: @escaping @Sendable () -> Void) { self.body = body }
}
