/// How far a walk goes.
package struct WalkLimits: Sendable, Hashable {
    /// How many of the nearest it keeps: ef.
    package var width: Int
    /// How many distances it may compute before it gives up.
    package var distances: Int

    package init(width: Int, distances: Int = .max) {
        self.width = width
        self.distances = distances
    }

    /// With a width that is at least `k`, and no more than all of `slots` slots.
    func holding(_ k: Int, of slots: Int) -> WalkLimits {
        WalkLimits(width: min(max(width, k), slots), distances: distances)
    }
}

/// What a scan compares with.
package struct ScanScope {
    /// nil: all slots.
    package let slots: [UInt32]?
    /// nil: each of them.
    package let isAllowed: ((UInt32) -> Bool)?

    package init(_ slots: [UInt32]? = nil, where isAllowed: ((UInt32) -> Bool)? = nil) {
        self.slots = slots
        self.isAllowed = isAllowed
    }
}

/// How many candidates a walk of level 0 looks at, and how many it keeps.
struct WalkWidth {
    let looked: Int
    let kept: Int

    init(looked: Int, kept: Int) {
        self.looked = looked
        self.kept = kept
    }

    /// All that are looked at.
    init(_ width: Int) { self.init(looked: width, kept: width) }
}
