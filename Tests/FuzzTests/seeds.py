#!/usr/bin/env python3
"""Writes the seeds: good input of every reader, from which `make fuzz` goes on. Inputs that once broke one are beside
them as `found-*` and stay."""

import base64
import io
import pathlib
import struct
import zipfile
import zlib

SEEDS = pathlib.Path(__file__).parent / "Seeds"
GET = b"GET /2015-03-31/functions HTTP/1.1\r\nHost: a:1\r\nx-Y: z y\r\n\r\n"
POST = b"POST /2015-03-31/functions/f/invocations?Qualifier=1 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = (b"POST /2015-03-31/functions/f/invocations HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
           b"5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nA: b\r\n\r\n")
PLAIN = b"\0\0\0"  # where the bytes are cut: nowhere
POLICY = (b'{"Version":"2012-10-17","Id":"default","Statement":[{"Sid":"s","Effect":"%s","Principal":%s,"Action":%s,'
          b'"Resource":"arn:aws:lambda:us-east-1:000000000000:function:*","Condition":%s}]}')


def write(target, name, contents):
    folder = SEEDS / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(contents)


def event_patterns():
    for name, pattern, event in (
            ("values", b'{"source":["a","b"],"detail":{"n":[1,null,true,{"numeric":[">=",0,"<",10]}]}}',
             b'{"source":"b","detail":{"n":[2,"x"]}}'),
            ("texts", b'{"a":[{"prefix":"x"},{"suffix":{"equals-ignore-case":".PNG"}},{"wildcard":"a*b\\\\*"}]}',
             b'{"a":"i.png"}'),
            ("others", b'{"a":[{"anything-but":{"prefix":["x","y"]}},{"cidr":"10.0.0.0/8"},{"exists":false}]}',
             b'{"a":["10.1.2.3",["z"]]}'),
            ("alternatives", b'{"$or":[{"a.b":[1]},{"a":{"c":["x"],"d":[{"anything-but":[1,2]}]}}]}',
             b'{"a":[{"c":"x","d":3},{"b":2}]}')):
        write("event-pattern", name, pattern + b"\0" + event)


def http():
    for target in ("http-reader", "gateway"):
        write(target, "get", PLAIN + GET)
        write(target, "post-twice", b"\x40\x80\xc0" + POST + POST)
        write(target, "chunked-get", b"\x10\x90\xa0" + CHUNKED + GET)
        write(target, "expect", PLAIN + POST.replace(b"Content", b"Expect: 100-continue\r\nContent"))
        write(target, "close", PLAIN + GET.replace(b"x-Y", b"Connection: close\r\nx-Y") + GET)
        write(target, "old", PLAIN + GET.replace(b"HTTP/1.1", b"HTTP/1.0") + GET)
        write(target, "absolute", PLAIN + GET.replace(b" /", b" http://a/"))
        write(target, "two-lengths", PLAIN + POST.replace(b"\r\n\r\n", b"\r\nContent-Length: 6\r\n\r\n") + GET)
        write(target, "length-and-chunks", PLAIN + CHUNKED.replace(b"\r\n\r\n5", b"\r\nContent-Length: 4\r\n\r\n5") + GET)
        write(target, "bare-lf", PLAIN + GET.replace(b"\r\n", b"\n") + GET)
        write(target, "folded", PLAIN + GET.replace(b"x-Y: z", b"x-Y: z\r\n ") + GET)
        write(target, "options", PLAIN + b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n" + GET)
        write(target, "preface", PLAIN + b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    framed = b"b\r\nhello world\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n"
    head = (b"POST /2015-03-31/functions/f/invocations HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n"
            b"x-amz-content-sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER\r\n\r\n" % len(framed))
    write("gateway", "aws-chunked", PLAIN + head + framed)
    write("gateway", "health", PLAIN + b"HEAD /_apus/health HTTP/1.1\r\nHost: a\r\n\r\n")


def signatures():
    head = b"POST /2015-03-31/functions/f/invocations?a=b%20c&a\nHost: localhost\nContent-Type: application/json\n"
    credential = b"AKIDEXAMPLE/20260304/us-east-1/lambda/aws4_request"
    authorization = (b"Authorization: AWS4-HMAC-SHA256 Credential=" + credential
                     + b", SignedHeaders=host;x-amz-date, Signature=" + b"0" * 64 + b"\nX-Amz-Date: 20260304T050607Z\n")
    query = (b"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=" + credential.replace(b"/", b"%2F")
             + b"&X-Amz-Date=20260304T050607Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature=" + b"0" * 64)
    for change in range(8):
        write("signed-headers", f"change-{change}", bytes([change]) + head + b"\n{}")
    write("signed-headers", "forged", b"\0" + head + authorization + b"\n{}")
    write("signed-headers", "twice", b"\1" + head + b"Host: b\nX-Amz-Meta:  a   b \nDate: x\n\n")
    write("signed-headers", "dots", b"\3GET /a/./b/../%2e%2e//c/?b=%zz&=&b&a=+\nHost: a\n\n")
    for change in range(6):
        write("presigned-url", f"change-{change}", bytes([change, 3]) + b"GET /a/b%20c?x=y\n\n")
    write("presigned-url", "forged", b"\0\1GET /a?" + query + b"\nHost: localhost\n\n")
    write("presigned-url", "token", b"\0\1GET /a?" + query + b"&X-Amz-Security-Token=t\nHost: localhost\n\n")
    write("aws-chunks", "signed", b"\4" + b"5;chunk-signature=" + b"0" * 64 + b"\r\nhello\r\n0;chunk-signature="
          + b"0" * 64 + b"\r\n\r\n")
    write("aws-chunks", "trailer", b"\1b\r\nhello world\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n")
    write("aws-chunks", "long", b"\x40" + b"ff\r\n" + b"x" * 255 + b"\r\n0\r\n\r\n")


def documents():
    for name, text in {
        "object": b'{"a": [1, -2.5e3, true, false, null], "b": {"c": "\\u00e9\\ud83d\\ude00\\n"}, "a": 0}',
        "string": b'"\xc3\xa9 \\ud800"', "number": b"-0.0e+10", "deep": b"[" * 40 + b"]" * 40, "space": b" \t\r\n1 ",
    }.items():
        write("json", name, text)
    for name, text in {
        "map": b"\xbf\x61a\x9f\x01\x20\xf4\xf6\xff\x61b\xa1\x61c\x62\xc3\xbc\xff", "bytes": b"\x82\x43\x01\x02\x03\x5f\x41\x01\xff",
        "floats": b"\x83\xf9\x3e\x00\xfa\x47\xc3\x50\x00\xfb\x3f\xf1\x99\x99\x99\x99\x99\x9a",
        "time": b"\xc1\x1a\x51\x4b\x67\xb0", "deep": b"\x9f" * 40 + b"\xff" * 40, "long": b"\x9b" + b"\xff" * 8,
        "large": b"\x82\x1b" + b"\xff" * 8 + b"\x3b" + b"\xff" * 8, "text": b"\x7f\x65strea\x64ming\xff",
    }.items():
        write("cbor", name, text)
    function = (b'{"FunctionName":"f","Role":"arn:aws:iam::000000000000:role/r","Runtime":"python3.13","Handler":"a.b",'
                b'"Code":{"ZipFile":"UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA=="},"Timeout":3,"MemorySize":128,"Tags":{"k":"v"},'
                b'"Environment":{"Variables":{"A":"b"}},"Layers":["arn:aws:lambda:us-east-1:000000000000:layer:l:1"]}')
    for name, text in {
        "create": b"\0POST /2015-03-31/functions\n\n" + function,
        "configure": b"\1PUT /2015-03-31/functions/f/configuration\n\n" + function,
        "invoke": b"\2POST /2015-03-31/functions/f/invocations?Qualifier=1\nX-Amz-Invocation-Type: Event\n\n{}",
        "permit": b"\3POST /2015-03-31/functions/f/policy\n\n"
                  b'{"StatementId":"s","Action":"lambda:InvokeFunction","Principal":"*"}',
        "publish": b'\4POST /2018-10-31/layers/l/versions\n\n{"Content":{"S3Bucket":"b","S3Key":"k"}}',
        "async": b'\5PUT /2019-09-25/functions/f/event-invoke-config\n\n{"MaximumRetryAttempts":1,'
                 b'"DestinationConfig":{"OnFailure":{"Destination":"arn:aws:sqs:us-east-1:000000000000:q"}}}',
        "list": b"\6GET /2015-03-31/functions?MaxItems=1&Marker=x\n\n",
        "tag": b'\7POST /2017-03-31/tags/arn%3Aaws%3Alambda%3Aus-east-1%3A000000000000%3Afunction%3Af\n\n{"Tags":{"a":"b"}}',
    }.items():
        write("shapes", name, text)
    for name, parts in {
        "everybody": (b"Allow", b'"*"', b'"lambda:*"', b'{"StringEquals":{"aws:SourceAccount":"000000000000"}}'),
        "arn": (b"Deny", b'{"AWS":["arn:aws:iam::000000000000:role/r","123456789012"],"Service":"s3.amazonaws.com"}',
                b'["lambda:Invoke?unction","s3:*"]', b'{"ArnLike":{"AWS:SourceArn":["arn:aws:s3:::b*"]}}'),
        "quantified": (b"Allow", b'{"AWS":"*"}', b'"*"',
                       b'{"ForAnyValue:StringLikeIfExists":{"aws:TagKeys":["a*"]},"Null":{"aws:SourceIp":false},'
                       b'"IpAddress":{"aws:SourceIp":["10.0.0.0/8","::1/64"]},"DateLessThan":'
                       b'{"aws:CurrentTime":"2026-01-01T00:00:00Z"},"NumericLessThan":{"x":5},"Bool":{"y":true}}'),
    }.items():
        write("policy", name, POLICY % parts)


def forms():
    role = (b"Action=CreateRole&Version=2010-05-08&RoleName=r&AssumeRolePolicyDocument=%7B%7D&MaxSessionDuration=3600"
            b"&Tags.member.1.Key=a&Tags.member.1.Value=1&Tags.member.2.Key=b&Tags.member.2.Value=")
    write("forms", "role", b"\0" + role)
    write("forms", "simulate", b"\1Action=SimulateCustomPolicy&PolicyInputList.member.1=%7B%7D&ActionNames.member.1=s3%3A*"
          b"&ContextEntries.member.1.ContextKeyName=k&ContextEntries.member.1.ContextKeyValues.member.1=v"
          b"&ContextEntries.member.1.ContextKeyType=string&MaxItems=5")
    write("forms", "assume", b"\2Action=AssumeRole&RoleArn=arn%3Aaws%3Aiam%3A%3A000000000000%3Arole%2Fr&RoleSessionName=s"
          b"&DurationSeconds=900&Tags.member.1.Key=k&Tags.member.1.Value=v&TransitiveTagKeys.member.1=k")
    write("forms", "route", b"\3Action=GetCallerIdentity&Version=2011-06-15")
    write("forms", "deep", b"\0" + b"a." * 40 + b"b=c&=&.=.&a.b.=x&Tags.member.99999999999999999999.Key=x&Tags.member.-1.Key=y")
    write("session-token", "short", b"IQoJb3JpZ2luX2VjE")
    write("session-token", "bytes", bytes(range(64)))


def texts():
    for name, text in {
        "arn": b"arn:aws:lambda:us-east-1:000000000000:function:hello:3", "percent": b"a%20b+c%C3%A9%zz/",
        "query": b"a=b&c&=d&e=%26&a=c", "base64": b"aGVsbG8gd29ybGQ=", "basic": b"20260304T050607Z",
        "http": b"Sun, 06 Nov 1994 08:49:37 GMT", "account": b"000000000000",
    }.items():
        write("text", name, text)
    for name, text in {
        "rate": b"rate(5 minutes)", "cron": b"cron(0/5 8-17 ? * MON-FRI 2026-2199/2)\0America/New_York",
        "last": b"cron(59 23 L 1,FEB ? *)\0Australia/Lord_Howe", "nearest": b"cron(* * 15W * ? *)\0Pacific/Apia",
        "third": b"cron(30 2 ? 3 1#2 *)\0America/New_York", "at": b"at(2027-10-31T02:30:00)\0Europe/Berlin",
    }.items():
        write("schedule", name, text)
    for name, (expression, text) in {
        "arn": (br"arn:(aws[a-zA-Z-]*)?:lambda:[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:\d{12}:.*",
                b"arn:aws:lambda:us-east-1:000000000000:x"),
        "name": (br"[a-zA-Z0-9-_]+", b"hello"), "look": (br"(?!aws:)[\p{L}\p{Z}\p{N}_.:/=+\-@]*", "é x".encode()),
        "behind": (br"a(?<=a)b|(?<!c)d*", b"ab"), "nested": (br"((a*)*b?){2,3}$", b"aaaaaaaaaaaaaaaac"),
        "class": (br"[^\s\]\\^-]{0,5}^?\u00e9?", "é".encode()),
    }.items():
        write("pattern", name, expression + b"\0" + text)
    for name, text in {
        "manifest": b'{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":'
                    b'{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:' + b"0" * 64
                    + b'","size":2},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"sha256:'
                    + b"1" * 64 + b'","size":3}]}',
        "index": b'{"schemaVersion":2,"manifests":[{"mediaType":"m","digest":"sha256:' + b"0" * 64
                 + b'","size":1,"annotations":{"org.opencontainers.image.ref.name":"1"}}]}',
        "configuration": b'{"os":"linux","config":{"Entrypoint":["/a"],"Cmd":["b"],"Env":["A=b"],"WorkingDir":"/c"}}',
        "tag": b"localhost:5000/a/b-c_d.e:1.0", "digest": b"registry.example/a@sha256:" + b"0" * 64,
    }.items():
        write("image-documents", name, text)


def messages():
    def message(headers, payload):
        body = b"".join(bytes([len(name)]) + name + value for name, value in headers)
        head = struct.pack(">II", 16 + len(body) + len(payload), len(body))
        head += struct.pack(">I", zlib.crc32(head))
        return head + body + payload + struct.pack(">I", zlib.crc32(head + body + payload))

    def text(value):
        return b"\x07" + struct.pack(">H", len(value)) + value

    every = [(b"a", b"\0"), (b"b", b"\1"), (b"c", b"\2\xff"), (b"d", b"\3\0\1"), (b"e", b"\4\0\0\0\1"),
             (b"f", b"\5" + b"\0" * 8), (b"g", b"\6\0\1x"), (b"h", text(b"y")), (b"i", b"\x08" + b"\0" * 8),
             (b"j", b"\x09" + b"\0" * 16)]
    event = message([(b":event-type", text(b"PayloadChunk")), (b":message-type", text(b"event"))], b"hello")
    write("event-stream", "empty", PLAIN + message([], b""))
    write("event-stream", "event", b"\x20\x40\x80" + event)
    write("event-stream", "every-type", PLAIN + message(every, b""))
    write("event-stream", "two", b"\x10\x88\xf0" + event + event)


def zips():
    def archive(entries, method=zipfile.ZIP_DEFLATED):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", method) as file:
            for name, mode, contents in entries:
                info = zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0))
                info.external_attr = mode << 16
                info.compress_type = method
                file.writestr(info, contents)
        return buffer.getvalue()

    file, program, link, directory = 0o100644, 0o100755, 0o120777, 0o040755
    write("zip", "file", archive([("app.py", file, b"x = 1\n")]))
    write("zip", "stored", archive([("a/b", program, b"#!/bin/sh\n"), ("META-INF/x", file, b"y")], zipfile.ZIP_STORED))
    write("zip", "link", archive([("a", file, b"a"), ("d/", directory, b""), ("d/b", link, b"../a")]))
    write("zip", "upwards", archive([("../a", file, b"a")]))
    write("zip", "link-out", archive([("a", link, b"/etc"), ("a/b", file, b"b")]))
    write("zip", "bomb", archive([("a", file, b"\0" * (1 << 20)), ("b", file, b"\0" * 4096)]))
    write("zip", "twice", archive([("a", file, b"a"), ("b", file, b"b")]).replace(b"b", b"a"))
    write("zip", "empty", archive([]))


def messaging():
    rules = [
        b'{"a":["x","y"]}', b'{"a":[{"prefix":"x"},{"suffix":"y"},{"equals-ignore-case":"Z"}],"b":[{"exists":false}]}',
        b'{"a":[{"anything-but":["x"]},{"anything-but":{"prefix":"p"}}],"n":[{"numeric":[">",1,"<=",5.5]},1,true,null]}',
        b'{"$or":[{"a":["x"]},{"b":[{"cidr":"10.0.0.0/8"}]}],"c":[{"wildcard":"*x*"}]}', b'{"a":{"b":["x"]},"c":[{"exists":true}]}']
    for number, rule in enumerate(rules):
        write("filter-policy", f"policy-{number}", rule + b'\0{"a":"x","b":"10.1.2.3","c":"axb"}')
        write("filter-policy", f"values-{number}", rule + b'\0{"a":{"b":["x",["y"]]},"n":[2,"2"],"c":null}')
    numbers = struct.pack(">qqq", 1, 2, 3)
    check = 2166136261
    for byte in numbers:
        check = ((check ^ byte) * 16777619) & 0xFFFFFFFF
    write("receipt-handle", "handle", base64.b64encode(numbers + struct.pack(">I", check)))
    write("receipt-handle", "damaged", base64.b64encode(numbers + struct.pack(">I", check ^ 1)))
    for name, url in {
            "path": "/000000000000/q", "name": "q", "host": "http://127.0.0.1:4566/000000000000/q.fifo",
            "aws": "https://sqs.eu-west-1.amazonaws.com/000000000000/q?x#y", "older": "https://eu-west-1.queue.amazonaws.com/000000000000/q",
            "emulator": "http://localhost:4566/queue/eu-west-1/000000000000/q"}.items():
        write("queue-url", name, url.encode())
    arn = "arn:aws:sqs:us-east-1:000000000000:dead"
    write("dead-letters", "queue", f'{{"deadLetterTargetArn":"{arn}"}}'.encode())
    write("dead-letters", "topic", f'{{"deadLetterTargetArn":"{arn}"}}'.replace("sqs", "sns").encode())
    write("redrive-policy", "number", f'{{"deadLetterTargetArn":"{arn}","maxReceiveCount":3}}'.encode())
    write("redrive-policy", "text", f'{{"maxReceiveCount":"1000","deadLetterTargetArn":"{arn}.fifo"}}'.encode())
    write("redrive-policy", "allow", f'{{"redrivePermission":"byQueue","sourceQueueArns":["{arn}"]}}'.encode())
    write("redrive-policy", "deny", b'{"redrivePermission":"denyAll"}')
    write("message-batch", "json", b"\0" + b'{"QueueUrl":"q","Entries":[{"Id":"1","MessageBody":"b","DelaySeconds":1,"ReceiptHandle":"h",'
          b'"MessageAttributes":{"a":{"DataType":"Binary","BinaryValue":"AA=="}},"VisibilityTimeout":0}],"Attributes":{"DelaySeconds":"1"}}')
    entry = b"SendMessageBatchRequestEntry.1."
    write("message-batch", "form", b"\1Action=SendMessageBatch&QueueUrl=q&" + entry + b"Id=1&" + entry + b"MessageBody=b%20c&" + entry
          + b"MessageAttribute.1.Name=a&" + entry + b"MessageAttribute.1.Value.DataType=Number&" + entry + b"MessageAttribute.1.Value.StringValue=1"
          b"&DeleteMessageBatchRequestEntry.1.Id=1&DeleteMessageBatchRequestEntry.1.ReceiptHandle=h&Attribute.1.Name=All&MaxNumberOfMessages=10")
    write("message-batch", "both", b"\2one\0body one\0value\0two\0body & two\0\xc3\xa9")
    write("message-batch", "both-wrong", b"\2one\0\0value\0one\0b\0")


def signed():
    import base64
    import json

    def part(value):
        return base64.urlsafe_b64encode(value).rstrip(b"=")

    header = part(json.dumps({"alg": "ES256", "kid": "abcdefghij", "typ": "apus-package+jwt"}).encode())
    claims = part(json.dumps({"exp": 2, "iat": 1, "jti": "00000000-0000-0000-0000-000000000000",
                              "manifest": "0" * 64}).encode())
    write("package-signature", "es256", header + b"." + claims + b"." + part(b"\1" * 64))
    write("package-signature", "es384", header.replace(b"x", b"x") + b"." + claims + b"." + part(b"\1" * 96))
    write("package-signature", "none", part(b'{"alg":"none"}') + b"." + claims + b".")


def runtime():
    next_ = b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: a\r\n\r\n"
    answer = b"POST /2018-06-01/runtime/invocation/1/%s HTTP/1.1\r\nHost: a\r\n%s\r\n\r\n%s"
    for mode in (0, 1):
        lead = bytes([mode]) + b"\0\0\0"
        write("runtime-api", f"next-{mode}", lead + next_ + next_)
        write("runtime-api", f"response-{mode}",
              lead + next_ + answer % (b"response", b"Content-Length: 5", b"hello") + next_)
        write("runtime-api", f"stream-{mode}", bytes([mode]) + b"\x50\xa0\xc0" + next_ + answer % (
            b"response", b"Transfer-Encoding: chunked\r\nLambda-Runtime-Function-Response-Mode: streaming\r\n"
            b"Trailer: Lambda-Runtime-Function-Error-Type",
            b"5\r\nhello\r\n0\r\nLambda-Runtime-Function-Error-Type: Runtime.Bad\r\n\r\n") + next_)
    lead = b"\0\0\0\0"
    write("runtime-api", "error", lead + next_ + answer % (
        b"error", b"Content-Length: 2\r\nLambda-Runtime-Function-Error-Type: Function.Bad", b"{}") + next_)
    write("runtime-api", "init-error", lead + b"POST /2018-06-01/runtime/init/error HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}")
    write("runtime-api", "register", lead + b"POST /2020-01-01/extension/register HTTP/1.1\r\n"
          b"Lambda-Extension-Name: e\r\nContent-Length: 28\r\n\r\n"
          b'{"events":["INVOKE"]}       ' + b"GET /2020-01-01/extension/event/next HTTP/1.1\r\n"
          b"Lambda-Extension-Identifier: x\r\n\r\n")
    write("runtime-api", "telemetry", lead + b"PUT /2022-07-01/telemetry HTTP/1.1\r\nLambda-Extension-Identifier: x\r\n"
          b"Content-Length: 20\r\n\r\n" + b'{"schemaVersion":""}')


def packets():
    def text(value):
        return struct.pack("<I", len(value)) + value + b"\0"

    def texts(*values):
        return struct.pack("<I", len(values)) + b"".join(text(value) for value in values)

    def start(kind, root=b"python3.11", layers=b"", fallback=b"", share=(b"", b"")):
        return (bytes([kind]) + struct.pack("<Q", 7) + text(root) + text(b"code") + text(layers) + text(share[0])
                + text(share[1]) + texts(b"/usr/bin/python3", b"bootstrap.py") + text(fallback) + texts(b"A=b")
                + text(b"/var/task") + struct.pack("<6I", 128, 72, 512, 1024, 1024, 2000) + texts(b"APUS_ZYGOTE=1")
                + b"\1\0")

    write("launcher-packets", "start", start(1))
    write("launcher-packets", "image", start(1, root=b""))
    write("launcher-packets", "expect", start(6, layers=b"layers-0", fallback=b"/opt/bootstrap", share=(b"fsap-0", b"data")))
    for kind in (2, 3, 4, 21):
        write("launcher-packets", f"kind-{kind}", bytes([kind]) + struct.pack("<Q", 1))
    write("launcher-packets", "socket", b"\5" + struct.pack("<QH", 1, 2000))
    write("launcher-packets", "end-spares", b"\x16")
    write("launcher-packets", "ready", b"\1" + text(b"169.254.128.1:4566") + texts(b"no-internet") + texts(b"note"))
    write("launcher-packets", "exited", b"\5" + struct.pack("<QBIB", 1, 0, 1, 1))


def logs():
    for name, (pattern, message) in {
        "terms": (b'ERROR "not found" -DEBUG', b"an ERROR: not found"), "any": (b"?a ?b", b"b"),
        "expression": (rb"%\d{1,3}\.\d%", b"1.2.3.4"), "fields": (b"[ip, ..., code = 4* || code = 5*, size > 10]", b'1.2.3.4 - "GET /" 404 20'),
        "json": (b'{ ($.a[0].b = "x*" || $.c NOT EXISTS) && $.d != 5 }', b'{"a":[{"b":"xy"}],"d":4}'),
    }.items():
        write("log-pattern", name, pattern + b"\0" + message)
    for name, query in {
        "stats": b"filter level = 'error' and ms > 5 | stats count(*) as n, pct(ms, 90) by bin(5m), level | sort n desc | limit 5",
        "parse": rb"fields @timestamp | parse @message /(?i)ms.:(?<took>\d+?)\b/ | parse 'l*:' as rest | dedup took",
        "display": b"fields concat(level, `ms`) as x, ms * 2 ^ 3 - 1 | display x | head 3",
    }.items():
        write("insights-query", name, query + b'\0{"level":"error","ms":12}')
    for name, source in {"lazy": rb"(?<a>x*?)(?<b>y|yz)*$", "plain": rb"^\w+(?:a|b)??", "nested": rb"((?<n>[^a]{1,3})|c)+"}.items():
        write("named-groups", name, source + b"\0xxyzyac")
    document = (b'{"_aws":{"Timestamp":1767225600000,"CloudWatchMetrics":[{"Namespace":"n","Dimensions":[["d"],[]],'
                b'"Metrics":[{"Name":"m","Unit":"Count","StorageResolution":1},{"Name":"v"}]}]},"d":"x","m":1,"v":[1,2.5]}')
    write("embedded-metrics", "document", document)
    write("embedded-metrics", "missing", document.replace(b'"d":"x",', b""))


for write_some in (http, event_patterns, signatures, documents, forms, texts, messages, zips, messaging, signed, runtime,
                   packets, logs):
    write_some()
