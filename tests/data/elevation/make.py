# Tiny GeoTIFFs of every packing, by tifffile; deterministic. 24 x 20 samples of f(x, y) = 10 x - 3 y + 100 unless said.
import numpy as np, tifffile, sys
out=sys.argv[1]
y,x=np.mgrid[0:20,0:24]
z=(10*x-3*y+100)
geo=[(33550,'d',3,(30.0,30.0,0.0),True),(33922,'d',6,(0,0,0,80000.0,460000.0,0),True),(34735,'H',16,(1,1,0,3,1024,0,1,1,1025,0,1,1,3072,0,1,28992),True)]

def w(name,a,**k):
    tags=geo+[(42113,'s',0,k.pop('nodata','-9999'),True)]+k.pop('tags',[])
    tifffile.imwrite(f'{out}/{name}.tif',a,extratags=tags,metadata=None,photometric=k.pop('photometric','minisblack'),**k)
zz=z.astype('f4').copy(); zz[3,4]=-9999
w('f32-lzw-predictor3-tiles',zz,compression='lzw',predictor=3,tile=(16,16))
w('f32-deflate-predictor3-strips',zz,compression='zlib',predictor=3,rowsperstrip=7)
w('i16-lzw-predictor2',zz.astype('i2'),compression='lzw',predictor=2,rowsperstrip=8)
w('u16-deflate-predictor2-tiles',nodata='9999',a=np.where(zz<0,9999,zz).astype('u2'),compression='zlib',predictor=2,tile=(16,16))
w('f64-deflate-big-endian',zz.astype('>f8'),compression='zlib',byteorder='>')
w('i32-packbits-bigtiff',zz.astype('i4'),compression='packbits',bigtiff=True)
w('i8',(z//4).astype('i1') if False else np.clip(z//10,-128,127).astype('i1'),rowsperstrip=5)
w('u8-scaled',np.clip(z//2,0,255).astype('u1'),compression='zlib',tags=[(42112,'s',0,'<GDALMetadata><Item name="OFFSET" sample="0" role="offset">-5</Item><Item name="SCALE" sample="0" role="scale">2</Item></GDALMetadata>',True)])
w('two-bands-planar',np.stack([zz,zz*0-1]),compression='zlib',planarconfig='separate',tile=(16,16))
w('two-bands-chunky',np.stack([zz,zz*0-1],-1),compression='zlib',planarconfig='contig')
# JPEG in TIFF as a photo
rgb=np.zeros((48,64,3),'u1'); rgb[:,:32]=(200,30,30); rgb[:,32:]=(30,30,200)
tifffile.imwrite(f'{out}/photo-jpeg-ycbcr.tif',rgb,extratags=geo,metadata=None,photometric='rgb',compression='jpeg',compressionargs={'level':90},tile=(32,32))
