extension VectorStore {
    /// A rule that says which vectors a search may return.
    ///
    /// A filtered search for k vectors returns k if the filter allows that many, and otherwise all that it allows. If
    /// few are allowed, the search compares them one by one. Otherwise it walks the graph.
    ///
    /// Use one filter for many searches, from any number of threads, instead of making a new one for each. A filter of
    /// labels or a bitmap finds out in the first searches which vectors it allows. It keeps the answer until the store
    /// changes. It keeps it for one store at a time.
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

        /// Returns a filter that allows only some labels. Labels that are not in the store are ignored.
        ///
        /// - Parameter labels: The labels that a search may return.
        /// - Returns: The filter.
        /// - Complexity: O(labels).
        public static func including(_ labels: some Sequence<Label>) -> LabelFilter {
            LabelFilter(kind: .including(Set(labels)))
        }

        /// Returns a filter that allows all labels but some. Labels that are not in the store are ignored.
        ///
        /// - Parameter labels: The labels that a search must not return.
        /// - Returns: The filter.
        /// - Complexity: O(labels).
        public static func excluding(_ labels: some Sequence<Label>) -> LabelFilter {
            LabelFilter(kind: .excluding(Set(labels)))
        }

        /// Returns a filter that allows the labels whose bit is set.
        ///
        /// Label `l` is bit `l % 64` of word `l / 64`. Labels past the end are not allowed. This is the filter that is
        /// fastest to test.
        ///
        /// - Parameter words: The bits, 64 in each word, the lowest bit first.
        /// - Returns: The filter.
        /// - Complexity: O(words).
        public static func bitmap(_ words: [UInt64]) -> LabelFilter {
            LabelFilter(kind: .bitmap(words, count: words.reduce(0) { $0 + $1.nonzeroBitCount }))
        }

        /// Returns a filter that allows the labels for which a function returns true.
        ///
        /// The function may be called from several threads at once. A search for the k nearest vectors calls it at most
        /// once for each label. If enough labels pass, it calls the function for few of them. Other searches may call
        /// it more often. The function must not use the store that is searched: if a writer is waiting, both would wait
        /// forever.
        ///
        /// - Parameter isIncluded: A function that returns whether a search may return the vector of a label.
        /// - Returns: The filter.
        public static func matching(_ isIncluded: @escaping @Sendable (Label) -> Bool) -> LabelFilter {
            LabelFilter(kind: .predicate(isIncluded))
        }

        @inline(__always)
        func allows(_ label: Label) -> Bool {
            switch kind {
            case .including(let labels): labels.contains(label)
            case .excluding(let labels): !labels.contains(label)
            case .bitmap(let words, _):
                label < UInt64(words.count) * 64 && words[Int(label / 64)] >> (label % 64) & 1 == 1
            case .predicate(let isIncluded): isIncluded(label)
            }
        }

        /// Whether it always allows the same labels. A function may not.
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
}
