/// Which vectors a search may return. It returns as many as there are, up to the number asked for: where few are allowed they
/// are compared one by one, else the graph is walked.
///
/// A filter of labels or a bitmap works out which vectors it allows in the first searches that it is used for, and keeps
/// that until the store changes: so use one filter for many searches, from any number of threads, rather than make it anew. It keeps it
/// for one store at a time.
public struct LabelFilter: Sendable {
    enum Kind: Sendable {
        case including(Set<Label>)
        case excluding(Set<Label>)
        case bitmap([UInt64], count: Int)
        case predicate(@Sendable (Label) -> Bool)
    }

    let kind: Kind
    /// Which slots they are, where that does not depend on a function.
    let cache = SlotCache()

    /// Only these labels; ones that the store does not have do no harm.
    public static func including(_ labels: some Sequence<Label>) -> LabelFilter {
        LabelFilter(kind: .including(Set(labels)))
    }

    /// All but these labels.
    public static func excluding(_ labels: some Sequence<Label>) -> LabelFilter {
        LabelFilter(kind: .excluding(Set(labels)))
    }

    /// The labels whose bit is set: label `l` is bit `l % 64` of word `l / 64`. The fastest to test; labels past the end are
    /// not allowed.
    public static func bitmap(_ words: [UInt64]) -> LabelFilter {
        LabelFilter(kind: .bitmap(words, count: words.reduce(0) { $0 + $1.nonzeroBitCount }))
    }

    /// The labels for which `isIncluded` holds. It may be called from several threads at once. A search for the nearest vectors
    /// calls it at most once for each label, and for most labels not at all if enough of them pass; other searches may call it
    /// more often. It must not use the store that is searched: with a writer waiting, both would wait for ever.
    public static func matching(_ isIncluded: @escaping @Sendable (Label) -> Bool) -> LabelFilter {
        LabelFilter(kind: .predicate(isIncluded))
    }

    @inline(__always)
    func allows(_ label: Label) -> Bool {
        switch kind {
        case .including(let labels): labels.contains(label)
        case .excluding(let labels): !labels.contains(label)
        case .bitmap(let words, _): label < UInt64(words.count) * 64 && words[Int(label / 64)] >> (label % 64) & 1 == 1
        case .predicate(let isIncluded): isIncluded(label)
        }
    }

    /// Whether it allows the same labels for ever. A function may not.
    var isFixed: Bool {
        if case .predicate = kind { false } else { true }
    }

    /// The most vectors it can allow in a store of `count`; nil if only trying tells.
    func limit(count: Int) -> Int? {
        switch kind {
        case .including(let labels): min(labels.count, count)
        case .excluding(let labels): labels.isEmpty ? count : nil
        case .bitmap(_, let bits): min(bits, count)
        case .predicate: nil
        }
    }

    /// Whether the allowed labels can be listed.
    var isListed: Bool {
        switch kind {
        case .including, .bitmap: true
        case .excluding, .predicate: false
        }
    }

    /// The allowed labels, where they can be listed: O(labels).
    var labels: [Label]? {
        switch kind {
        case .including(let labels): return Array(labels)
        case .bitmap(let words, let count):
            var result: [Label] = []
            result.reserveCapacity(count)
            for (index, word) in words.enumerated() {
                var rest = word
                while rest != 0 {
                    result.append(Label(index * 64 + rest.trailingZeroBitCount))
                    rest &= rest - 1
                }
            }
            return result
        case .excluding, .predicate: return nil
        }
    }
}
