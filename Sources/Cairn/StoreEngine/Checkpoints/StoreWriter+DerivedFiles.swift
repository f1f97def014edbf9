import FileFormat
import HNSW
import MappedStorage
import SystemPackage

/// Derived files that are missing or damaged are made again by the first checkpoint of a writer, whether anything was
/// changed or not. (`codes`, and `upper` where it can, are made when the store is opened.)
extension StoreWriter {
    /// Looks once whether `labels` is whole: damage shows only in the pages that are read, and a checkpoint reads those
    /// alone that it changes. A file that is not is given up; lookups do without it. Nobody is writing.
    func checkLabels() {
        guard let disk, !hasCheckedLabels, disk.header.slotCount > 0 else { return }
        do throws(StorageError) {
            // Not as the table has it, which read the header and the checksums when the store was opened.
            let file = try LabelIndexFile(
                disk.directory[StoreName.labels], of: disk.header, graph: contents.graph, writable: false)
            if try !claiming(disk.path, LabelFileCheck.isSound(file, againstSlots: false)) { labels.replaceFile(nil) }
            hasCheckedLabels = true
        } catch {
            // For want of memory or open files, which says nothing of the file: the next checkpoint looks.
        }
    }

    /// Makes the files again that are missing in a state without changes, which the header knows. When that fails the
    /// store is as it was. Throws if the store is not in its place any more.
    func mendDerivedFiles() throws(StoreError) {
        guard let disk else { return }
        try translating { () throws(StorageError) in try disk.checkIsInPlace() }
        guard disk.header.slotCount > 0 else { return }
        checkLabels()
        let header = disk.header, graph = contents.graph
        let labelFile = try translating { () throws(StorageError) in
            if disk.upperFile == nil {
                var upper = try UpperFile.writeBeside(
                    disk.directory, graph.upper, layout: header.layout, generation: header.graphGeneration)
                upper?.takeName()
                disk.upperFile = upper
            }
            return labels.hasFile
                ? nil : try LabelIndexFile.replace(in: disk.directory, graph: graph, header: header)
        }
        switch labelFile {
        case .success(let file): labels.replaceFile(file)
        case .failure(let repeated): throw .repeatedLabel(repeated.label, disk.path)
        case nil: break
        }
    }
}
