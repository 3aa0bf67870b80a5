"""What can be learned of images without labels, and how far few labels go then."""
