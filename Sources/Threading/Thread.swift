import Allocation

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// A POSIX thread that runs a closure.
@safe
package struct Thread: @unchecked Sendable {
    // Sendable because the handle is immutable after init and may be joined from any thread.

    private let handle: pthread_t

    private final class Body {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    /// The stack that a thread gets, nearly everywhere.
    private static let stackBytes = 8 << 20

    /// nil when the system will not start another thread, or its stack would take the last of the memory.
    package init?(_ body: @escaping @Sendable () -> Void) {
        guard (try? ProcessMemory.expectAddresses(Self.stackBytes)) != nil else { return nil }
        let argument = unsafe Unmanaged.passRetained(Body(body)).toOpaque()
        #if canImport(Darwin)
        var handle: pthread_t?
        let code = unsafe pthread_create(&handle, nil, { Thread.start($0) }, argument)
        #else
        var handle = pthread_t()
        let code = unsafe pthread_create(&handle, nil, { unsafe Thread.start($0!) }, argument)
        #endif
        guard code == 0 else {
            unsafe Unmanaged<Body>.fromOpaque(argument).release()
            return nil
        }
        #if canImport(Darwin)
        unsafe self.handle = handle!
        #else
        self.handle = handle
        #endif
    }

    /// Waits until the closure has returned.
    package func join() {
        #if canImport(Darwin)
        unsafe pthread_join(handle, nil)
        #else
        pthread_join(handle, nil)
        #endif
    }

    /// Lets the thread go: nobody waits for it, and what it has is given back when the closure has returned.
    package func detach() {
        #if canImport(Darwin)
        unsafe pthread_detach(handle)
        #else
        pthread_detach(handle)
        #endif
    }

    private static func start(_ argument: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? {
        let body = unsafe Unmanaged<Body>.fromOpaque(argument).takeRetainedValue()
        body.run()
        return nil
    }
}
