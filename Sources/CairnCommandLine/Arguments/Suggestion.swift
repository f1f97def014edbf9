/// Which of some names was probably meant by a word that is none of them.
enum Suggestion {
    /// The name with the same letters, else the one that `synonyms` gives for these, else the nearest by typing errors,
    /// else the only one that the word begins. nil if none is near: no suggestion is better than a wrong one.
    static func name(for word: String, among names: [String], synonyms: [String: String]) -> String? {
        let typed = letters(of: word)
        guard !typed.isEmpty else { return nil }
        if let name = names.first(where: { letters(of: $0) == typed }) { return name }
        // A synonym may have a value: --output json.
        if let name = synonyms[String(typed)], names.contains(name.prefix { $0 != " " }.description) { return name }
        let near = names.map { (name: $0, distance: distance(typed, letters(of: $0))) }
            .filter { $0.distance <= typed.count / 3 }
        if let nearest = near.min(by: { $0.distance < $1.distance }) { return nearest.name }
        let begun = names.filter { typed.count >= 2 && letters(of: $0).starts(with: typed) }
        return begun.count == 1 ? begun[0] : nil
    }

    /// A word without case, dashes and underscores.
    static func letters(of word: String) -> [Character] { Array(word.lowercased().filter { $0 != "-" && $0 != "_" }) }

    /// How many letters are wrong, missing, too many, or swapped with the next one.
    private static func distance(_ a: [Character], _ b: [Character]) -> Int {
        var rows = [Array(0...b.count)]
        for i in a.indices {
            var row = [i + 1]
            for j in b.indices {
                var least = min(rows[i][j + 1] + 1, row[j] + 1, rows[i][j] + (a[i] == b[j] ? 0 : 1))
                if i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j] { least = min(least, rows[i - 1][j - 1] + 1) }
                row.append(least)
            }
            rows.append(row)
        }
        return rows[a.count][b.count]
    }
}
