/// One netlink request under construction: a header, a fixed part and attributes, in the layout of netlink(7). Numbers
/// are in the machine's byte order, addresses in the network's, everything padded to 4 bytes.
package struct NetlinkMessage: Sendable, Equatable {
    /// `NLM_F_*`: what a request asks for.
    package struct Flags: OptionSet, Sendable {
        package let rawValue: UInt16
        package init(rawValue: UInt16) { self.rawValue = rawValue }
        package static let request = Flags(rawValue: 0x1)
        package static let acknowledge = Flags(rawValue: 0x4)
        package static let exclusive = Flags(rawValue: 0x200)
        package static let create = Flags(rawValue: 0x400)
        /// Both bits of `NLM_F_DUMP`: the whole table.
        package static let dump = Flags(rawValue: 0x300)
    }

    static let headerLength = 16

    package let type: UInt16
    package let flags: Flags
    /// What the message is about, for errors ("new link apus7").
    package let subject: String
    /// A refusal of a tolerated request is no error of the batch.
    package var isTolerated = false
    private(set) var body: [UInt8] = []

    package init(type: UInt16, flags: Flags, subject: String) {
        self.type = type
        self.flags = flags.union(.request)
        self.subject = subject
    }

    /// Adds a number of the fixed part.
    package mutating func append<Number: FixedWidthInteger>(_ number: Number) {
        withUnsafeBytes(of: number) { body.append(contentsOf: $0) }
    }

    package mutating func attribute(_ type: UInt16, _ payload: some Collection<UInt8>) {
        append(UInt16(4 + payload.count))
        append(type)
        body.append(contentsOf: payload)
        pad()
    }

    package mutating func attribute(_ type: UInt16, _ number: UInt32) {
        append(UInt16(8))
        append(type)
        append(number)
    }

    /// A string attribute, with the zero that ends it.
    package mutating func attribute(_ type: UInt16, _ text: String) {
        attribute(type, Array(text.utf8) + [0])
    }

    /// An attribute whose payload is what `content` appends.
    package mutating func nest(_ type: UInt16, _ content: (inout NetlinkMessage) -> Void) {
        let start = body.count
        append(UInt16(0))
        append(type)
        content(&self)
        let length = UInt16(body.count - start)
        withUnsafeBytes(of: length) { body.replaceSubrange(start..<start + 2, with: $0) }
    }

    private mutating func pad() {
        while body.count % 4 != 0 { body.append(0) }
    }

    /// The bytes to send. The port id is 0: the kernel knows the sender.
    package func encoded(sequence: UInt32) -> [UInt8] {
        var header = NetlinkMessage(type: type, flags: flags, subject: "")
        header.append(UInt32(Self.headerLength + body.count))
        header.append(type)
        header.append(flags.rawValue)
        header.append(sequence)
        header.append(UInt32(0))
        return header.body + body
    }
}
