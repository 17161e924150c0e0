// What decisions cost, by hand: swift run -c release apus-policies

import Glibc
import NIOCore
import Policies

func policy(_ statements: [String]) throws -> AttachedPolicy {
    let text = #"{"Version":"2012-10-17","Statement":[\#(statements.joined(separator: ","))]}"#
    return AttachedPolicy(id: "p", CompiledPolicy(try PolicyDocument(parsing: ByteBuffer(string: text))))
}

/// Processor time, for the machine may have other things to do.
func processorTime() -> Int {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return time.tv_sec * 1_000_000_000 + time.tv_nsec
}

func measure(_ name: String, _ body: () -> Bool) {
    let rounds = 20_000
    var best = Int.max
    var count = 0
    for _ in 0..<20 {
        let start = processorTime()
        for _ in 0..<rounds where body() { count += 1 }
        best = min(best, (processorTime() - start) / rounds)
    }
    print("\(name): \(best) ns, \(count > 0 ? "allowed" : "refused")")
}

let account = "111111111111"
let function = "arn:aws:lambda:us-east-1:\(account):function:hello"
let everything = #"{"Effect":"Allow","Action":"*","Resource":"*"}"#

var user = Requester(.user, arn: "arn:aws:iam::\(account):user/swift", account: account, userID: "AIDAEXAMPLE")
var session = Requester(
    .assumedRole(arn: "arn:aws:iam::\(account):role/flyer"), arn: "arn:aws:sts::\(account):assumed-role/flyer/one",
    account: account, userID: "AROAEXAMPLE:one")

user.identityPolicies = [try policy([everything])]
let own = ProtectedResource(function, account: account)
measure("administrator") { Evaluation.decide(user, "lambda:InvokeFunction", on: own).isAllowed }

let dozen =
    [
        #"{"Effect":"Allow","Action":["logs:CreateLogGroup","logs:PutLogEvents"],"Resource":"arn:aws:logs:*:*:*"}"#,
        #"{"Effect":"Allow","Action":"sqs:*","Resource":"arn:aws:sqs:us-east-1:\#(account):q-${aws:username}"}"#,
        #"{"Effect":"Deny","Action":"lambda:*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}"#,
        #"{"Effect":"Deny","NotAction":["lambda:*","logs:*"],"Resource":"*"}"#,
    ]
    + (1...7).map { index in
        #"{"Effect":"Allow","Action":["lambda:InvokeFunction","dynamodb:Get*"],"Resource":"\#(function)-\#(index)*"}"#
    }
    + [#"{"Effect":"Allow","Action":"lambda:Invoke*","Resource":"arn:aws:lambda:*:\#(account):function:hello*"}"#]
session.identityPolicies = [try policy(dozen)]
measure("a dozen statements") { Evaluation.decide(session, "lambda:InvokeFunction", on: own).isAllowed }

let conditions = #"""
    {"Effect":"Allow","Action":"lambda:InvokeFunction","Resource":"*","Condition":{\#
    "StringEquals":{"aws:PrincipalTag/Team":"yellow"},"IpAddress":{"aws:SourceIp":["10.0.0.0/8","192.168.0.0/16"]},\#
    "ArnLike":{"aws:SourceArn":"arn:aws:s3:::*"},"DateGreaterThan":{"aws:CurrentTime":"2026-01-01T00:00:00Z"}}}
    """#
session.identityPolicies = [try policy([conditions])]
session.tags = ["Team": "yellow"]
let context: AccessContext = [
    "aws:SourceIp": ["192.168.1.7"], "aws:SourceArn": ["arn:aws:s3:::bucket"],
    "aws:CurrentTime": ["2026-11-27T10:00:00Z"],
]
measure("four conditions") {
    Evaluation.decide(session, "lambda:InvokeFunction", on: own, context: context).isAllowed
}

let many = (1...800).map { #""service\#($0 / 20):Describe\#($0)*""# }.joined(separator: ",")
session.identityPolicies = [
    try policy([#"{"Effect":"Allow","Action":[\#(many),"lambda:Invoke*"],"Resource":"*"}"#])
]
measure("800 actions") { Evaluation.decide(session, "lambda:InvokeFunction", on: own).isAllowed }

let triggers = (1...6).map { index in
    #"""
    {"Effect":"Allow","Principal":{"Service":"s3.amazonaws.com"},"Action":"lambda:InvokeFunction",\#
    "Resource":"\#(function)","Condition":{"ArnLike":{"AWS:SourceArn":"arn:aws:s3:::bucket\#(index)"}}}
    """#
}
let triggered = ProtectedResource(function, account: account, policy: try policy(triggers).policy)
let bucket: AccessContext = ["aws:SourceArn": ["arn:aws:s3:::bucket6"]]
measure("a service and six permissions") {
    Evaluation.decide(.service("s3.amazonaws.com"), "lambda:InvokeFunction", on: triggered, context: bucket).isAllowed
}

let document = try policy(dozen).policy.document
measure("compiling a dozen statements") { CompiledPolicy(document).contextKeys.count > 1 }
