"""Makes OCI images without any image tool: layouts in directories, and a registry on loopback that serves them."""

import gzip
import hashlib
import http.server
import io
import json
import platform
import re
import tarfile
import threading

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]


def tar(entries):
    """A tar of `(name, contents)`: bytes or text are files (executable where the name ends in `!`), None is a directory,
    `("link", target)` a symbolic and `("hard", target)` a hard link; a dict sets fields of the TarInfo as they are."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, contents in entries:
            info = tarfile.TarInfo(name.rstrip("!"))
            info.mode = 0o755 if name.endswith("!") or contents is None else 0o644
            data = b""
            if contents is None:
                info.type = tarfile.DIRTYPE
            elif isinstance(contents, dict):
                for field, value in contents.items():
                    setattr(info, field, value)
            elif isinstance(contents, tuple):
                info.type = {"link": tarfile.SYMTYPE, "hard": tarfile.LNKTYPE}[contents[0]]
                info.linkname = contents[1]
            else:
                data = contents.encode() if isinstance(contents, str) else contents
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


class Image:
    """One image: its blobs by digest, and its manifest."""

    def __init__(self, *layers, docker=False, layer_type=None, architecture=ARCHITECTURE, **config):
        self.blobs = {}
        tars = [each if isinstance(each, bytes) else tar(each) for each in layers]
        packed = [gzip.compress(each, mtime=0) for each in tars]
        document = {
            "architecture": architecture, "os": "linux", "config": config,
            "rootfs": {"type": "layers", "diff_ids": [self.digest(each) for each in tars]},
        }
        self.media_type = DOCKER_MANIFEST if docker else MANIFEST
        layer_type = layer_type or (DOCKER_LAYER if docker else LAYER)
        manifest = {
            "schemaVersion": 2, "mediaType": self.media_type,
            "config": self.add(json.dumps(document).encode(), DOCKER_CONFIG if docker else CONFIG),
            "layers": [self.add(each, layer_type) for each in packed],
        }
        self.manifest = self.add(json.dumps(manifest).encode(), self.media_type)

    @staticmethod
    def digest(data):
        return "sha256:" + hashlib.sha256(data).hexdigest()

    def add(self, data, media_type):
        self.blobs[self.digest(data)] = data
        return {"mediaType": media_type, "digest": self.digest(data), "size": len(data)}

    @property
    def hex(self):
        return self.manifest["digest"].split(":")[1]


def write_layout(directory, **images):
    """Writes an OCI image layout with these images, named by tag, as `skopeo copy … oci:DIRECTORY:TAG` would."""
    blobs = directory / "blobs" / "sha256"
    blobs.mkdir(parents=True, exist_ok=True)
    for image in images.values():
        for digest, data in image.blobs.items():
            (blobs / digest.split(":")[1]).write_bytes(data)
    manifests = [
        {**image.manifest, "annotations": {"org.opencontainers.image.ref.name": tag}} for tag, image in images.items()]
    (directory / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    (directory / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": manifests}))
    for path in [directory, *directory.parents][:2] + [directory / "blobs", blobs]:
        path.chmod(0o755)


class Registry:
    """The pulling half of the distribution protocol, over plain HTTP on loopback: `images` is by (repository, tag)."""

    def __init__(self):
        self.images = {}
        self.requests = []
        # A blob that is not sent before the gate is open.
        self.gate_for = None
        self.gate = threading.Event()
        self.is_private = False
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *arguments):
                pass

            def do_GET(self):
                outer.answer(self)

            do_HEAD = do_GET

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.host = f"127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, request):
        self.requests.append((request.command, request.path))
        status, media_type, data = self.find(request.path)
        request.send_response(status)
        request.send_header("Content-Type", media_type)
        request.send_header("Content-Length", str(len(data)))
        if status == 200:
            request.send_header("Docker-Content-Digest", Image.digest(data))
        request.end_headers()
        if request.command == "GET":
            try:
                request.wfile.write(data)
            except OSError:
                pass

    def find(self, path):
        if self.is_private:
            return 401, "application/json", b'{"errors": [{"code": "UNAUTHORIZED"}]}'
        if path.rstrip("/") == "/v2":
            return 200, "application/json", b"{}"
        match = re.fullmatch("/v2/(.+)/(manifests|blobs)/([^/]+)", path)
        if match:
            repository, kind, name = match.groups()
            here = {tag: image for (place, tag), image in self.images.items() if place == repository}
            if kind == "manifests":
                for tag, image in here.items():
                    if name in (tag, image.manifest["digest"]):
                        return 200, image.media_type, image.blobs[image.manifest["digest"]]
            else:
                if name == self.gate_for:
                    self.gate.wait(60)
                for image in here.values():
                    if name in image.blobs:
                        return 200, "application/octet-stream", image.blobs[name]
        return 404, "application/json", b'{"errors": [{"code": "MANIFEST_UNKNOWN", "message": "unknown"}]}'

    def close(self):
        self.gate.set()
        self.server.shutdown()
        self.server.server_close()
