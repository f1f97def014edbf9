import CRefusals

/// Runs `body` once for each of its requests for memory, addresses and threads, which is refused: that one alone or, with
/// `isSticky`, all from it on. Those of the calling thread. `body` gets the number of the request, which is 1 at first. Returns how
/// many there were.
@discardableResult
package func refusingEachRequest(
    isSticky: Bool = false, _ body: (_ number: Int) throws -> Void
) rethrows -> Int {
    var number = 0
    while true {
        number += 1
        cairn_refuse(number, isSticky ? 1 : 0, 1)
        defer { cairn_refuse(0, 0, 1) }
        try body(number)
        if cairn_has_refused(1) == 0 { return number - 1 }
    }
}

/// Runs `body`, within `refusingEachRequest`, with nothing refused, and nothing counted.
package func unrefused<Result>(_ body: () throws -> Result) rethrows -> Result {
    cairn_pause_refusing(1)
    defer { cairn_pause_refusing(0) }
    return try body()
}
