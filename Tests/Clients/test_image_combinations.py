"""Functions from container images with what else functions have: Terraform, and a shared directory."""

import pytest

from conftest import Server
from test_file_systems import OWNER, VPC, arguments, configs, shared  # noqa: F401
from test_images import ECR, ONE, TWO, create, image, pytestmark, reachable, run, until  # noqa: F401
from oci import write_layout


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return reachable(tmp_path_factory.mktemp("images"))


@pytest.fixture(scope="module")
def host(images, shared):  # noqa: F811
    running = Server("--images", str(images), *arguments(shared)).start()
    yield running
    running.close()


TERRAFORM = """
resource "aws_lambda_function" "hello" {
  function_name = "%(name)s"
  role          = "arn:aws:iam::000000000000:role/lambda"
  package_type  = "Image"
  image_uri     = "%(uri)s:one"
  timeout       = 20
  image_config {
    command           = ["from terraform"]
    working_directory = "/app"
  }
}
"""


def test_terraform(terraform, host, images, name):
    write_layout(images / "terraform", one=ONE, two=TWO)
    uri = f"{ECR}/terraform"
    project = terraform(TERRAFORM % {"name": name, "uri": uri}, server=host)
    project("apply")
    client = host.client()
    assert run(client, name, "cat /etc/name; pwd; echo $1") == "one/app\nfrom terraform"
    assert project.has_no_changes()
    main = project.folder / "main.tf"
    main.write_text(main.read_text().replace(f"{uri}:one", f"{uri}:two").replace("from terraform", "changed"))
    project("apply")
    assert run(client, name, "cat /etc/name; echo $1") == "twochanged"
    assert client.get_function_configuration(FunctionName=name)["CodeSha256"] == TWO.hex
    assert project.has_no_changes()
    project("destroy")
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_function(FunctionName=name)


# What an image may have where the shared directory is to be.
PLACES = {
    "none": [], "full": [("mnt", None), ("mnt/data", None), ("mnt/data/mine", ""), ("mnt/more", "")],
    "file": [("mnt", "")], "link": [("mnt", ("link", "/app"))], "within": [("mnt", None), ("mnt/data", ("link", "/app"))],
}


@pytest.mark.parametrize("place", PLACES)
def test_a_shared_directory(host, images, shared, name, place):  # noqa: F811
    """AWS: a file system is mounted whatever the package type is."""
    write_layout(images / f"shared-{place}", one=image(PLACES[place]) if PLACES[place] else ONE)
    client, folder = host.client(), shared / "data" / name
    made, _ = create(client, name, f"{ECR}/shared-{place}:one", VpcConfig=VPC, FileSystemConfigs=configs())
    assert made["FileSystemConfigs"] == configs() and made["PackageType"] == "Image"
    assert run(client, name, f"mkdir /mnt/data/{name}; echo kept > /mnt/data/{name}/file; ls /mnt; ls /app") == "data\nhere"
    status = (folder / "file").stat()
    assert ((status.st_uid, status.st_gid), (folder / "file").read_text()) == (OWNER, "kept\n")
    (folder / "host").write_text("from the host")
    (folder / "host").chmod(0o644)
    assert run(client, name, f"cat /mnt/data/{name}/host") == "from the host"
    # As confined as without it.
    assert run(client, name, "touch /mnt/file 2>/dev/null && echo wrote; grep -o ' /mnt/data rw,nosuid,nodev' /proc/self/mountinfo; "
               "mknod /mnt/data/zero c 1 5 2>/dev/null && echo made; ls -A /proc/acpi /proc/fs 2>/dev/null | grep -v :; id -u").split() == [
                   "/mnt/data", "rw,nosuid,nodev", "993"]
    client.update_function_configuration(FunctionName=name, FileSystemConfigs=[])
    until(client, name)
    assert name not in run(client, name, "ls /mnt /mnt/data 2>&1")


def test_both_survive_a_restart(own_server, images, shared, name):  # noqa: F811
    write_layout(images / "kept", one=ONE)
    server = own_server("--images", str(images), *arguments(shared))
    create(server.client(), name, f"{ECR}/kept:one", VpcConfig=VPC, FileSystemConfigs=configs())
    assert run(server.client(), name, f"echo before > /mnt/data/{name}") == ""
    server.stop(9)
    server.start()
    assert run(server.client(), name, f"cat /mnt/data/{name}; cat /etc/name") == "before\none"
