"""A DCGAN of pictures of any kind."""

from pathlib import Path

from prefect import flow

from gan_aug.data.pictures import describe_pictures
from gan_aug.device import select_compute
from gan_aug.flows.publish import publish_report
from gan_aug.flows.reports import write_dcgan
from gan_aug.flows.run_log import keep_log, log_into
from gan_aug.flows.stages import keep_pictures, open_executor
from gan_aug.gan.networks import check_memory
from gan_aug.reporting.environment import describe_environment
from gan_aug.reporting.folders import PicturesDcgan, make_name
from gan_aug.settings.names import check_name
from gan_aug.settings.pictures import PicturesConfig
from gan_aug.stages import describe_dcgan
from gan_aug.store.store import Store

__all__ = ["dcgan"]


@flow(name="dcgan")
@keep_log
def dcgan(
    config: PicturesConfig = PicturesConfig(),
    name: str | None = None,
    artifacts: str = "artifacts",
    store: str | None = None,
) -> PicturesDcgan:
    """Train a DCGAN on square pictures, grey or RGB.

    Args:
        config: Pictures, and settings of the DCGAN.
        name: Name of the DCGAN; by default made from pictures and settings.
        artifacts: Folder of the DCGANs and the store.
        store: Folder of the store, or URL of one that other hosts share: `s3://bucket/folder`.

    Returns:
        The folder with both networks and a report.

    Raises:
        UserError: Pictures, settings or store are not usable; nothing was trained.
        OSError: The artifacts can't be written.
    """
    if name is not None:
        check_name(name)
    compute = select_compute(config.device, config.precision)
    outputs = Store.open(Path(artifacts), store)
    data = keep_pictures(outputs, config).result()
    provenance = data.load().provenance
    check_memory(config.dcgan, provenance.images["train"], provenance.shape)
    folder = PicturesDcgan.open(
        Path(artifacts), name or make_name(provenance.name, "dcgan", config), config
    )
    log_into(folder)
    folder.write_environment(describe_environment(compute, provenance))
    trained = open_executor(outputs, data)(
        describe_dcgan(
            {"images": describe_pictures(provenance).select("images")},
            config.dcgan,
            seed=config.seed,
            compute=compute,
        )
    )
    write_dcgan(folder, config, data, trained)
    publish_report(folder, "dcgan")
    return folder
