"""A DCGAN of pictures of any kind."""

from pathlib import Path

from gan_aug.store.store.store import Store, load_images, load_provenance
from prefect import flow

from flows import tasks
from flows.publish import publish_report
from flows.reports import write_dcgan
from gan_aug.device import select_compute
from gan_aug.images import image_shape
from gan_aug.memory import check_dcgan_memory
from gan_aug.reporting.environment import describe_environment
from gan_aug.reporting.folders import PicturesDcgan, check_name, make_name
from gan_aug.settings.run import PicturesConfig

__all__ = ["dcgan"]


@flow(name="dcgan")
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
    kept = Store.open(Path(artifacts), store)
    data = tasks.load_pictures(kept, config).result()
    images = load_images(data)
    check_dcgan_memory(config.dcgan, len(images), image_shape(images))
    provenance = load_provenance(data)
    folder = PicturesDcgan.open(
        Path(artifacts), name or make_name(provenance.name, "dcgan", config), config
    )
    folder.write_environment(describe_environment(compute, provenance))
    trained = tasks.train_pictures_dcgan(kept, config, data).result()
    write_dcgan(folder, config, data, trained)
    publish_report(folder, "dcgan")
    return folder
