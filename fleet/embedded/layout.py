"""Where the embedded cluster keeps its files, and the ports that its add-ons were given."""

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from elastic_vllm.clouds.local.home import home
from fleet.embedded.process import free_ports

NAME = "elastic-vllm"
"""The cluster's name with kwokctl; one cluster per state directory."""


@dataclass(frozen=True)
class Ports:
    """Chosen free once, then kept, so that a stopped cluster comes back where it was."""

    metrics_server: int
    karpenter_metrics: int
    karpenter_health: int
    lws_health: int
    lws_webhook: int


@dataclass(frozen=True)
class Layout:
    """The state directory's parts."""

    root: Path

    @property
    def kwok(self) -> Path:
        """kwokctl's own working directory."""
        return self.root / "kwok"

    @property
    def control_plane(self) -> Path:
        """Certificates, etcd's data, pids and logs of the control plane."""
        return self.kwok / "clusters" / NAME

    @property
    def addons(self) -> Path:
        """Pids and logs of metrics-server and Karpenter, and Karpenter's machines."""
        return self.root / "addons"

    @property
    def kubeconfig(self) -> Path:
        """Written last: that it exists means that the cluster was once ready."""
        return self.root / "kubeconfig"

    @property
    def admin_kubeconfig(self) -> Path:
        """kwokctl's, which exists as soon as the apiserver may be asked."""
        return self.control_plane / "kubeconfig.yaml"

    @property
    def machines(self) -> Path:
        """The machines that Karpenter may simulate, in the form its kwok provider reads."""
        return self.addons / "machines.json"

    @property
    def maker(self) -> Path:
        """Which version of this code made the cluster; goes with the cluster."""
        return self.kwok / "made-by"

    def close_to_others(self) -> None:
        """Private keys lie here: only this user may look, even where the state directory is open to all."""
        for folder in (self.kwok, self.addons):
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o700)

    @property
    def created(self) -> bool:
        """Whether a creation ran to its end; a half-made cluster holds nothing worth keeping."""
        return self.kubeconfig.is_file()

    def ports(self) -> Ports:
        """The add-ons' ports, chosen on first use; an add-on that is new here gets its own beside them."""
        names, known = {field.name for field in fields(Ports)}, {}
        if self._ports.is_file():
            known = json.loads(self._ports.read_text())
            if known.keys() >= names:
                return Ports(**{name: known[name] for name in names})
        fresh = dict(zip(sorted(names), free_ports(len(names)), strict=True))
        ports = Ports(**{name: known.get(name, port) for name, port in fresh.items()})
        self.keep(ports)
        return ports

    def keep(self, ports: Ports) -> None:
        """Use these from now on."""
        self.addons.mkdir(parents=True, exist_ok=True)
        unfinished = self._ports.with_suffix(".unfinished")
        unfinished.write_text(json.dumps(asdict(ports)))
        unfinished.replace(self._ports)

    @property
    def _ports(self) -> Path:
        return self.addons / "ports.json"


def layout() -> Layout:
    """The layout under this user's state directory."""
    return Layout(home())
