/// Compares the two places where a zip names each entry, which libarchive does not show us: a name that says one thing
/// in the directory and another at the entry is how zips are smuggled past checks, and one with a NUL would be cut
/// short.
///
/// Offsets are those of the .ZIP File Format Specification (PKWARE APPNOTE 6.3.10). Whatever this cannot walk, such as
/// the
/// 64-bit variant, is left to libarchive, of whose names every other rule still holds.
struct ZipNames {
    private let bytes: UnsafeRawBufferPointer

    /// - Throws: `.refused` with `.nulInName` or `.ambiguousName`.
    static func check(_ bytes: UnsafeRawBufferPointer) throws(ArchiveError) {
        try ZipNames(bytes: bytes).check()
    }

    private func check() throws(ArchiveError) {
        // 4.3.16: the end record is 22 bytes and a comment of at most 65,535.
        guard let end = lastOffset(of: 0x0605_4b50, within: 22 + 65_535, size: 22) else { return }
        let size = Int(word(at: end + 12))
        guard size <= end else { return }
        let start = end - size
        // The offset that the record names counts from where the zip began before something was put in front of it.
        let shift = start - Int(word(at: end + 16))
        guard shift >= 0 else { return }
        var position = start
        // 4.3.12: a header of 46 bytes, then name, extra field and comment.
        while position + 46 <= end, word(at: position) == 0x0201_4b50 {
            let name = slice(position + 46, half(at: position + 28))
            try check(name, local: Int(word(at: position + 42)) + shift)
            position += 46 + half(at: position + 28) + half(at: position + 30) + half(at: position + 32)
        }
    }

    private func check(_ name: UnsafeRawBufferPointer, local: Int) throws(ArchiveError) {
        let text = String(decoding: name.prefix(EntryName.maximumBytes), as: UTF8.self)
        if name.contains(0) { throw .refused(name: text, .nulInName) }
        // 4.3.7: a header of 30 bytes, then the name.
        guard local + 30 <= bytes.count, word(at: local) == 0x0403_4b50 else { return }
        let own = slice(local + 30, half(at: local + 26))
        guard own.elementsEqual(name) else { throw .refused(name: text, .ambiguousName) }
    }

    private func lastOffset(of signature: UInt32, within reach: Int, size: Int) -> Int? {
        var offset = bytes.count - size
        while offset >= 0, offset >= bytes.count - reach {
            if word(at: offset) == signature { return offset }
            offset -= 1
        }
        return nil
    }

    /// At most `count` bytes from `offset`, fewer at the end.
    private func slice(_ offset: Int, _ count: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: bytes[min(offset, bytes.count)..<min(offset + count, bytes.count)])
    }

    private func word(at offset: Int) -> UInt32 {
        UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }

    private func half(at offset: Int) -> Int {
        Int(UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt16.self)))
    }
}
